// Prints its arguments and environment, a line each: what a WAGI request looks like from inside.
#include "../include/wasi.h"

EXPORT("_start") void start(void) {
  static char *environment[256];
  static char buffer[65536];
  size_t count = 0, size = 0;
  print("content-type: text/plain\n\n");
  const size_t given = read_arguments();
  for (size_t i = 0; i < given; i++) {
    print("arg ");
    print(arguments[i]);
    print("\n");
  }
  wasi_environ_sizes_get(&count, &size);
  if (count > 256 || size > sizeof buffer) wasi_proc_exit(1);
  wasi_environ_get(environment, buffer);
  for (size_t i = 0; i < count; i++) {
    print("env ");
    print(environment[i]);
    print("\n");
  }
}
