// The tour (README.md): what a program does with WASI, through wasi-libc.
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void copy_input(void) {
  char piece[256];
  size_t count;
  while ((count = fread(piece, 1, sizeof piece, stdin)) > 0) fwrite(piece, 1, count, stdout);
}

static int answer_request(const char *method) {
  printf("content-type: text/plain\n\n%s %s %s\n", method, getenv("PATH_INFO"), getenv("QUERY_STRING"));
  copy_input();
  return 0;
}

static int compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void list(const char *path) {
  char *names[16];
  size_t count = 0;
  DIR *folder = opendir(path);
  if (!folder) return perror(path);
  for (struct dirent *entry; (entry = readdir(folder)) && count < 16;)
    if (entry->d_name[0] != '.') names[count++] = strdup(entry->d_name);
  closedir(folder);
  qsort(names, count, sizeof *names, compare);
  for (size_t at = 0; at < count; at++) printf("file: %s\n", names[at]);
}

static void use_files(void) {
  char text[64] = "";
  FILE *input = fopen("/data/input.txt", "r");
  if (!input) return perror("input.txt");
  if (fgets(text, sizeof text, input)) printf("read: %s\n", text);
  fclose(input);
  FILE *output = fopen("/data/output.txt", "w");
  if (!output) return perror("output.txt");
  fputs("written", output);
  fclose(output);
  list("/data");
}

int main(int argc, char **argv) {
  const char *method = getenv("REQUEST_METHOD");
  if (method) return answer_request(method);
  for (int at = 1; at < argc; at++) printf("argument: %s\n", argv[at]);
  printf("GREETING: %s\n", getenv("GREETING"));
  copy_input();
  fputs("to stderr\n", stderr);
  use_files();
  unsigned char random[16] = {0}, zero[16] = {0};
  if (getentropy(random, sizeof random) == 0 && memcmp(random, zero, sizeof zero)) puts("random: ok");
  if (time(NULL) > 1600000000) puts("clock: ok");
  return 3;
}
