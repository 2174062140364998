import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMirror } from "./mirror.ts";

test("parseMirror() reads folders and URLs", () => {
  assert.deepEqual(parseMirror("webassembly.azurecr.io=demo/images"), {
    registry: "webassembly.azurecr.io",
    mirror: { kind: "layout", folder: "demo/images" },
  });
  assert.deepEqual(parseMirror("Docker.io=https://Harbor.x:8443/proxy/hub/"), {
    registry: "docker.io",
    mirror: { kind: "registry", registry: "harbor.x:8443", prefix: "proxy/hub", isPlainHttp: false },
  });
  assert.deepEqual(parseMirror("ghcr.io=http://127.0.0.1:5000").mirror, {
    kind: "registry",
    registry: "127.0.0.1:5000",
    prefix: "",
    isPlainHttp: true,
  });
});

for (const text of [
  "",
  "ghcr.io",
  "=folder",
  "ghcr.io=",
  "ghcr.io/team=folder",
  "a=https://",
  "a=https://u:p@h.x",
  "a=https://h.x?q",
]) {
  test(`parseMirror() refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseMirror(text), SyntaxError);
  });
}

test("parseMirror() does not show a password", () => {
  assert.throws(
    () => parseMirror("a=https://u:hunter2@h.x"),
    (error: Error) => !error.message.includes("hunter2"),
  );
});
