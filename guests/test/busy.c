// Computes for as many microseconds as its first query item says (9,000 by default), then answers.
#include "../include/wasi.h"

EXPORT("_start") void start(void) {
  const uint64_t end = monotonic_ns() + (uint64_t)argument(1, 9000) * 1000;
  volatile uint32_t n = 0;
  do
    for (int i = 0; i < 200; i++) n += (uint32_t)i;
  while (monotonic_ns() < end);
  print("content-type: text/plain\n\nbusy\n");
}
