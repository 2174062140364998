// A program as it was built in 2019: it imports wasi_unstable, where fd_seek counts whence from the current position and a
// filestat has a 32-bit link count, so that the size lies at 24 and not at 32.
#include <stdint.h>

#include "../include/wasi.h"

#define OLD(name) IMPORT("wasi_unstable", name)

OLD("fd_write") int32_t old_write(int32_t fd, const ciovec *iovs, size_t count, size_t *written);
OLD("fd_read") int32_t old_read(int32_t fd, const iovec *iovs, size_t count, size_t *read);
OLD("args_sizes_get") int32_t old_args_sizes(size_t *count, size_t *size);
OLD("args_get") int32_t old_args(char **argv, char *buffer);
OLD("environ_sizes_get") int32_t old_environ_sizes(size_t *count, size_t *size);
OLD("environ_get") int32_t old_environ(char **environ, char *buffer);
OLD("proc_exit") _Noreturn void old_exit(int32_t code);
OLD("fd_seek") int32_t old_seek(int32_t fd, int64_t offset, int32_t whence, uint64_t *position);
OLD("fd_filestat_get") int32_t old_filestat(int32_t fd, uint8_t *stat);
OLD("path_open")
int32_t old_open(int32_t dir, int32_t lookup, const char *path, size_t path_len, int32_t open, uint64_t rights, uint64_t inheriting,
                 int32_t flags, int32_t *fd);

enum { WHENCE_CUR, WHENCE_END, WHENCE_SET };

static void say(const char *text) {
  const ciovec piece = {text, length(text)};
  size_t written;
  if (old_write(1, &piece, 1, &written) != 0) old_exit(70);
}

static void say_line(const char *label, const char *text) {
  say(label);
  say(text);
  say("\n");
}

static void check(int32_t error, int32_t code) {
  if (error != 0) old_exit(code);
}

static void use_file(void) {
  static char text[64];
  uint8_t stat[56];
  uint64_t position;
  size_t count;
  int32_t fd;
  check(old_open(3, 0, "input.txt", 9, 0, 1 << 1 | 1 << 2 | 1 << 5 | 1 << 21, 0, 0, &fd), 71);
  check(old_filestat(fd, stat), 72);
  uint64_t size;
  __builtin_memcpy(&size, stat + 24, sizeof size);
  say(size == 5 ? "size: ok\n" : "size: wrong\n");
  check(old_seek(fd, -3, WHENCE_END, &position), 73);
  check(old_seek(fd, 1, WHENCE_CUR, &position), 74);
  say(position == 3 ? "position: ok\n" : "position: wrong\n");
  check(old_seek(fd, 1, WHENCE_SET, &position), 75);
  const iovec piece = {text, sizeof text - 1};
  check(old_read(fd, &piece, 1, &count), 76);
  say_line("read: ", text);
}

EXPORT("_start") void start(void) {
  static char *values[16];
  static char buffer[1024];
  size_t count, size;
  check(old_args_sizes(&count, &size), 77);
  if (count > 16 || size > sizeof buffer) old_exit(78);
  check(old_args(values, buffer), 79);
  for (size_t at = 1; at < count; at++) say_line("argument: ", values[at]);
  check(old_environ_sizes(&count, &size), 80);
  if (count > 16 || size > sizeof buffer) old_exit(81);
  check(old_environ(values, buffer), 82);
  for (size_t at = 0; at < count; at++) say_line("env: ", values[at]);
  use_file();
  old_exit(3);
}
