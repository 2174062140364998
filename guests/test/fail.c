// Fails in the way its second argument names: exit CODE, trap, grow (asks for memory for ever, then traps), recurse.
#include "../include/wasi.h"

static int is(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

__attribute__((noinline)) static uint32_t recurse(volatile uint32_t *depth) {
  *depth += 1;
  return recurse(depth) + *depth;
}

EXPORT("_start") void start(void) {
  const size_t count = read_arguments();
  const char *way = count > 1 ? arguments[1] : "";
  log_line("fail: ");
  log_line(way);
  log_line("\n");
  if (is(way, "exit")) wasi_proc_exit(count > 2 ? (int32_t)parse_number(arguments[2]) : 1);
  if (is(way, "grow")) {
    while (__builtin_wasm_memory_grow(0, 16) != (size_t)-1);
    __builtin_trap();
  }
  if (is(way, "recurse")) {
    volatile uint32_t depth = 0;
    print_number(recurse(&depth));
  }
  if (is(way, "trap")) __builtin_trap();
  print("content-type: text/plain\n\nno failure asked for\n");
}
