// Answers a request with its own body.
#include "../include/wasi.h"

EXPORT("_start") void start(void) {
  static char buffer[16384];
  print("content-type: application/octet-stream\n\n");
  for (;;) {
    const iovec piece = {buffer, sizeof buffer};
    size_t count = 0;
    if (wasi_fd_read(0, &piece, 1, &count) != 0 || count == 0) return;
    write_bytes(1, buffer, count);
  }
}
