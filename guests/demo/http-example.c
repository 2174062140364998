// /http-example of the demo pod: asks a server on the module's list of allowed hosts and passes its answer on.
#include "../include/wasi.h"

#define HTTP(name) IMPORT("wasi_experimental_http", name)
HTTP("req")
int32_t http_request(const char *url, size_t url_len, const char *method, size_t method_len, const char *headers, size_t headers_len,
                     const char *body, size_t body_len, uint16_t *status, uint32_t *handle);
HTTP("body_read") int32_t http_body_read(uint32_t handle, void *buffer, size_t size, size_t *written);
HTTP("close") int32_t http_close(uint32_t handle);

#define HOST "api.brigade.sh"
static const char URL[] = "https://" HOST "/healthz";

static const char *reason(int32_t error) {
  switch (error) {
    case 7: return "the host is not on the module's list of allowed hosts";
    case 10: return "its address or the list of allowed hosts is not a valid URL";
    case 11: return "the host could not be reached";
    case 13: return "too many requests are open";
    default: return "the request failed";
  }
}

static void fail(int32_t error) {
  print("content-type: text/plain\nstatus: 502\n\n");
  print(HOST " gave no answer: ");
  print(reason(error));
  print("\n");
  log_line("http-example: no answer from " HOST ": ");
  log_line(reason(error));
  log_line("\n");
}

EXPORT("_start") void start(void) {
  uint16_t status = 0;
  uint32_t handle = 0;
  const int32_t error = http_request(URL, sizeof URL - 1, "GET", 3, "", 0, "", 0, &status, &handle);
  if (error) return fail(error);
  print("content-type: text/plain\n\n");
  static char buffer[4096];
  size_t count = 0;
  while (http_body_read(handle, buffer, sizeof buffer, &count) == 0 && count > 0) write_bytes(1, buffer, count);
  print("\n");
  http_close(handle);
}
