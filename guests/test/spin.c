// Never ends and never calls the host.
#include "../include/wasi.h"

EXPORT("_start") void start(void) {
  volatile uint32_t n = 0;
  for (;;) n++;
}
