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

#define WASI(name) IMPORT("wasi_snapshot_preview1", name)

WASI("fd_write")
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

WASI("fd_read") int32_t wasi_fd_read(int32_t fd, const iovec *iovs, size_t count, size_t *read);
WASI("args_sizes_get") int32_t wasi_args_sizes_get(size_t *count, size_t *size);
WASI("args_get") int32_t wasi_args_get(char **argv, char *buffer);
WASI("environ_sizes_get") int32_t wasi_environ_sizes_get(size_t *count, size_t *size);
WASI("environ_get") int32_t wasi_environ_get(char **environ, char *buffer);
WASI("clock_time_get") int32_t wasi_clock_time_get(int32_t clock, uint64_t precision, uint64_t *time);
WASI("proc_exit") _Noreturn void wasi_proc_exit(int32_t code);
WASI("path_open")
int32_t wasi_path_open(int32_t dir, int32_t lookup, const char *path, size_t path_len, int32_t open, uint64_t rights, uint64_t inheriting,
                       int32_t flags, int32_t *fd);

typedef struct {
  uint64_t userdata;
  uint8_t tag;
  // The variants of a subscription begin at 16.
  _Alignas(8) uint32_t clock;
  uint64_t timeout, precision;
  uint16_t flags;
} clock_subscription;

typedef struct {
  uint64_t userdata;
  uint16_t error;
  uint8_t type;
  uint64_t bytes;
  uint16_t flags;
} event;

WASI("poll_oneoff") int32_t wasi_poll_oneoff(const clock_subscription *in, event *out, size_t count, size_t *events);

static inline uint64_t monotonic_ns(void) {
  uint64_t time = 0;
  wasi_clock_time_get(1, 0, &time);
  return time;
}

static inline void sleep_ms(uint64_t ms) {
  static clock_subscription wait;
  static event out;
  size_t events;
  wait.clock = 1;
  wait.timeout = ms * 1000000;
  wasi_poll_oneoff(&wait, &out, 1, &events);
}

// The program's arguments, at most 64 in 4 KiB; answers how many.
static char *arguments[64];
static inline size_t read_arguments(void) {
  static char buffer[4096];
  size_t count = 0, size = 0;
  wasi_args_sizes_get(&count, &size);
  if (count > 64 || size > sizeof buffer) return 0;
  wasi_args_get(arguments, buffer);
  return count;
}

static inline uint32_t parse_number(const char *digits) {
  uint32_t value = 0;
  while (*digits >= '0' && *digits <= '9') value = value * 10 + (uint32_t)(*digits++ - '0');
  return value;
}

// The n-th argument as a number, or the default where there is none.
static inline uint32_t argument(size_t n, uint32_t otherwise) { return read_arguments() > n ? parse_number(arguments[n]) : otherwise; }

static inline void print_number(uint32_t value) {
  char digits[11];
  size_t at = sizeof digits;
  digits[--at] = 0;
  do digits[--at] = (char)('0' + value % 10);
  while (value /= 10);
  print(digits + at);
}
