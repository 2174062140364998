// Prints routes of its own, each with an entry point.
#include "../include/wasi.h"

EXPORT("_routes") void routes(void) { print("/exact on_exact\n/wildcard/... on_wildcard\n/main _start\n"); }
EXPORT("_start") void start(void) { print("content-type: text/plain\n\nstart\n"); }
EXPORT("on_exact") void on_exact(void) { print("content-type: text/plain\n\nexact\n"); }
EXPORT("on_wildcard") void on_wildcard(void) { print("content-type: text/plain\n\nwildcard\n"); }
