// / of the demo pod: a page of HTML.
#include "../include/wasi.h"

EXPORT("_start") void start(void) { print("content-type: text/html;charset=UTF-8\n\nOh hi world\n"); }
