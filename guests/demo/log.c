// /log of the demo pod: standard error goes to the container's log, not to the client.
#include "../include/wasi.h"

EXPORT("_start") void start(void) {
  print("content-type: text/html;charset=UTF-8\n\nOh hi world\n\n");
  log_line("Some logging\n");
}
