// Counts its runs in memory: a clean instance per request always answers 1.
#include "../include/wasi.h"

static uint32_t runs;

EXPORT("_start") void start(void) {
  runs += 1;
  print("content-type: text/plain\n\n");
  print_number(runs);
  print("\n");
}
