import assert from "node:assert/strict";
import { mkdtempDisposable, mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { readInputs } from "./inputs.ts";

const nothing = () => Readable.from([]);

async function folder(files: Record<string, string>): Promise<AsyncDisposable & { path: string }> {
  const dir = await mkdtempDisposable(path.join(tmpdir(), "wasipool-inputs-"));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(dir.path, name)), { recursive: true });
    await writeFile(path.join(dir.path, name), text);
  }
  return { path: dir.path, [Symbol.asyncDispose]: () => dir.remove() };
}

test("readInputs() takes files in the order given and a folder's manifests by name, not those below it", async () => {
  await using dir = await folder({
    "b.yaml": "b",
    "pods/2.yml": "2",
    "pods/1.json": "1",
    "pods/readme.md": "-",
    "pods/sub/3.yaml": "3",
  });

  const inputs = await readInputs(["b.yaml", "pods"], dir.path, nothing());

  assert.deepEqual(inputs.manifests, [
    { source: "b.yaml", text: "b" },
    { source: "pods/1.json", text: "1" },
    { source: "pods/2.yml", text: "2" },
  ]);
  assert.deepEqual(inputs.watched, [{ folder: dir.path, name: "b.yaml" }, { folder: path.join(dir.path, "pods") }]);
});

test("readInputs() reads standard input for - and keeps modules apart", async () => {
  await using dir = await folder({ "hello.wasm": "\0asm" });

  const inputs = await readInputs(["-", "hello.wasm"], dir.path, Readable.from([Buffer.from("ki"), Buffer.from("nd")]));

  assert.deepEqual(inputs.manifests, [{ source: "standard input", text: "kind" }]);
  assert.deepEqual(inputs.modules, [path.join(dir.path, "hello.wasm")]);
});

for (const [name, files, given, message] of [
  ["a missing file", {}, "x.yaml", /Cannot read x\.yaml: no such file/],
  ["a folder without manifests", { "d/x.txt": "" }, "d", /folder d holds no \.yaml/],
  ["a module under another name", { "x.yaml": "\0asm\u0001\0\0\0" }, "x.yaml", /is a WebAssembly module/],
  ["a manifest that is too large", { "x.yaml": "x".repeat(8 * 1024 * 1024 + 1) }, "x.yaml", /larger than 8 MiB/],
] as const) {
  test(`readInputs() refuses ${name} as bad input`, async () => {
    await using dir = await folder(files);

    await assert.rejects(readInputs([given], dir.path, nothing()), { message, exitCode: 2 });
  });
}

test("readInputs() refuses text that is not UTF-8 and an endless standard input", async () => {
  await using dir = await folder({});
  await writeFile(path.join(dir.path, "x.yaml"), Uint8Array.of(0xff, 0xfe));
  const endless = Readable.from(
    (function* () {
      for (;;) yield Buffer.alloc(1 << 20, "x");
    })(),
  );

  await assert.rejects(readInputs(["x.yaml"], dir.path, nothing()), /not UTF-8/);
  await assert.rejects(readInputs(["-"], dir.path, endless), /larger than 8 MiB/);
});
