// A command: prints as many lines as its first argument says, one every 100 ms, then ends with 0.
#include "../include/wasi.h"

EXPORT("_start") void start(void) {
  const uint32_t lines = argument(1, 3);
  for (uint32_t i = 1; i <= lines; i++) {
    print("tick ");
    print_number(i);
    print("\n");
    if (i < lines) sleep_ms(100);
  }
}
