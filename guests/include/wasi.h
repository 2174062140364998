// The part of WASI preview 1 that the demo modules use, declared by hand: no libc, so each module is a few hundred bytes.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct {
  const void *buf;
  size_t len;
} ciovec;

typedef struct {
  void *buf;
  size_t len;
} iovec;

#define IMPORT(module, name) __attribute__((import_module(module), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))

IMPORT("wasi_snapshot_preview1", "fd_write")
int32_t wasi_fd_write(int32_t fd, const ciovec *iovs, size_t count, size_t *written);

static inline size_t length(const char *text) {
  size_t n = 0;
  while (text[n]) n++;
  return n;
}

static inline void write_bytes(int32_t fd, const void *bytes, size_t count) {
  const char *rest = bytes;
  while (count > 0) {
    ciovec piece = {rest, count};
    size_t written = 0;
    if (wasi_fd_write(fd, &piece, 1, &written) != 0 || written == 0) return;
    rest += written;
    count -= written;
  }
}

static inline void print(const char *text) { write_bytes(1, text, length(text)); }
static inline void log_line(const char *text) { write_bytes(2, text, length(text)); }
