// Sleeps as many milliseconds as its first query item says (50 by default), then answers.
#include "../include/wasi.h"

EXPORT("_start") void start(void) {
  sleep_ms(argument(1, 50));
  print("content-type: text/plain\n\nslept\n");
}
