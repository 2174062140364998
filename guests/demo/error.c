// /error of the demo pod: a status of its own.
#include "../include/wasi.h"

EXPORT("_start") void start(void) { print("content-type: text/plain\nstatus: 404\n\nNot Found\n"); }
