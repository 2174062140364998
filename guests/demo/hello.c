// /hello/... of the demo pod: plain text for every path below its route.
#include "../include/wasi.h"

EXPORT("_start") void start(void) { print("content-type:text/plain\n\nhello world\n"); }
