import assert from "node:assert/strict";
import { closeSync, fstatSync, openSync, writeSync } from "node:fs";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import type { Request } from "../protocol.ts";
import { duplicate, receiveDescriptors, sendDescriptors, socketPair } from "./descriptors.ts";
import { encodeFrame, type Frame, FrameReader, MAX_HEADER_BYTES, MAX_TAIL_BYTES } from "./frame.ts";
import { MessageStream } from "./message-stream.ts";
import { ProtocolError } from "./protocol-error.ts";
import { frameOf, readRuntimeMessage, readShimMessage, type RuntimeMessage, type ShimMessage } from "./wire.ts";

const NO_TAIL = new Uint8Array();

/** Frames that a reader makes of bytes in pieces of these lengths, again and again. */
function readInPieces(bytes: Uint8Array, lengths: readonly number[]): Frame[] {
  const reader = new FrameReader();
  const frames: Frame[] = [];
  for (let offset = 0, piece = 0; offset < bytes.length; piece++) {
    const length = lengths[piece % lengths.length] ?? 1;
    frames.push(...reader.push(bytes.subarray(offset, offset + length)));
    offset += length;
  }
  return frames;
}

suite("FrameReader", () => {
  test("gives back what was encoded, however the bytes are cut", () => {
    const frame = fc.record({ header: fc.jsonValue(), tail: fc.uint8Array({ maxLength: 200 }) });
    const lengths = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 5 }), lengths, (frames, cuts) => {
        const bytes = Buffer.concat(frames.map(({ header, tail }) => encodeFrame(header, tail)));

        const read = readInPieces(bytes, cuts);

        const expected = frames.map(({ header, tail }) => ({
          header: JSON.parse(JSON.stringify(header)) as unknown,
          tail: Uint8Array.from(tail),
        }));
        assert.deepEqual(read, expected);
      }),
    );
  });

  test("answers any bytes with frames or ProtocolError", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 40 }), (bytes, cut) => {
        try {
          readInPieces(bytes, [cut]);
        } catch (error) {
          assert.ok(error instanceof ProtocolError, String(error));
        }
      }),
    );
  });

  for (const [what, headerBytes, tailBytes] of [
    ["a header one byte above its limit", MAX_HEADER_BYTES + 1, 0],
    ["a tail one byte above its limit", 2, MAX_TAIL_BYTES + 1],
  ] as const) {
    test(`refuses ${what} as soon as the lengths are there`, () => {
      const lengths = Buffer.alloc(8);
      lengths.writeUInt32LE(headerBytes, 0);
      lengths.writeUInt32LE(tailBytes, 4);

      assert.throws(() => new FrameReader().push(lengths), ProtocolError);
    });
  }

  test("takes a tail of exactly its limit", () => {
    const [frame] = new FrameReader().push(encodeFrame({}, new Uint8Array(MAX_TAIL_BYTES)));

    assert.equal(frame?.tail.length, MAX_TAIL_BYTES);
  });
});

test("encodeFrame() refuses a header that the other side would not take", () => {
  assert.throws(() => encodeFrame("x".repeat(MAX_HEADER_BYTES)), ProtocolError);
});

const requests: readonly Request[] = [
  {
    op: "load-module",
    digest: "sha256:a",
    layout: {
      version: 1,
      memory: { minPages: 1, maxPages: 2 },
      globals: [{ name: "g", type: "i32" }],
      tables: ["t"],
      start: "s",
      freshOnly: [],
    },
  },
  { op: "unload-module", digest: "sha256:a" },
  { op: "listen", sandbox: "s", url: "http://127.0.0.1:80" },
  { op: "take-over", from: "a", to: "b" },
  { op: "declare-routes", sandbox: "s", routes: [{ route: "/", container: "c" }] },
  { op: "stop-container", container: "c", graceMs: 0 },
  { op: "remove-sandbox", sandbox: "s", graceMs: 1 },
  { op: "stats", container: "c" },
];
const container = {
  id: "c",
  name: "web",
  digest: "sha256:a",
  args: ["a"],
  env: [{ key: "K", value: "v" }],
  mounts: [{ guestPath: "/data", readOnly: true }],
  memoryBytes: 65_536,
  weight: 100,
};
const wagi = {
  route: "/",
  entrypoint: "_start",
  allowedHosts: ["https://example.org"],
  httpMaxConcurrency: 1,
  limits: {
    timeoutMs: 1,
    maxRequestBodyBytes: 0,
    maxResponseBytes: 0,
    maxResponseHeaderBytes: 0,
    concurrency: 1,
    queue: 0,
  },
};
const starts: readonly Request[] = [
  { op: "start-command", sandbox: "s", container },
  { op: "start-wagi", sandbox: "s", container, wagi },
];

const runtimeMessages: readonly RuntimeMessage[] = [
  ...[...requests, ...starts].map((request) => ({ kind: "request", id: 1, descriptors: 0, request }) as const),
  { kind: "log-written", container: "c", bytes: 5 },
];
const shimMessages: readonly ShimMessage[] = [
  { kind: "reply", id: 1, reply: { ok: true } },
  { kind: "reply", id: 1, reply: { ok: true, result: { routes: [{ route: "/", entrypoint: "_start" }] } } },
  { kind: "reply", id: 1, reply: { ok: true, result: { cpuMs: 0.5, memoryBytes: 1, requests: 2, failures: 0 } } },
  { kind: "reply", id: 1, reply: { ok: false, code: "unusable", message: "no" } },
  { kind: "notice", notice: { event: "ready", warnings: ["w"] } },
  { kind: "notice", notice: { event: "log", container: "c", stream: "stderr", text: Uint8Array.of(1, 0, 255) } },
  {
    kind: "notice",
    notice: { event: "exited", container: "c", exit: { exitCode: 255, reason: "Error", message: "" } },
  },
  { kind: "notice", notice: { event: "worker-replaced", reason: "r", lostRequests: 3 } },
];

function overTheWire(message: RuntimeMessage | ShimMessage): Frame {
  const { header, tail } = frameOf(message);
  const [frame] = new FrameReader().push(encodeFrame(header, tail));
  assert.ok(frame);
  return frame;
}

suite("messages", () => {
  for (const message of runtimeMessages) {
    const what = message.kind === "request" ? message.request.op : message.kind;
    test(`readRuntimeMessage() reads ${what} as it was sent`, () => {
      assert.deepEqual(readRuntimeMessage(overTheWire(message)), message);
    });
  }
  for (const message of shimMessages) {
    const what = message.kind === "notice" ? message.notice.event : JSON.stringify(message.reply);
    test(`readShimMessage() reads ${what} as it was sent`, () => {
      assert.deepEqual(readShimMessage(overTheWire(message)), message);
    });
  }

  for (const [what, read, messages] of [
    ["readRuntimeMessage", readRuntimeMessage, runtimeMessages],
    ["readShimMessage", readShimMessage, shimMessages],
  ] as const) {
    test(`${what}() answers any JSON with a message or ProtocolError`, () => {
      fc.assert(fc.property(fc.jsonValue(), (header) => readsOrRefuses(read, header)));
    });

    test(`${what}() does the same for a message with one part replaced`, () => {
      const headers = messages.map((message) => frameOf(message).header);
      const places = headers.flatMap((header) => placesOf(header).map((place) => ({ header, place })));
      fc.assert(
        fc.property(fc.constantFrom(...places), fc.jsonValue(), ({ header, place }, value) => {
          readsOrRefuses(read, replaced(header, place, value));
        }),
        { numRuns: 1000 },
      );
    });
  }

  for (const [what, header] of [
    ["an unknown operation", { kind: "request", id: 1, descriptors: 0, request: { op: "eval" } }],
    ["a name of a prototype", { kind: "__proto__" }],
    ["a fraction as id", { kind: "log-written", container: "c", bytes: 0.5 }],
    ["a negative number", { kind: "log-written", container: "c", bytes: -1 }],
    ["129 descriptors", { kind: "request", id: 1, descriptors: 129, request: { op: "stats", container: "c" } }],
    ["a name of 513 characters", { kind: "log-written", container: "c".repeat(513), bytes: 1 }],
  ] as const) {
    test(`readRuntimeMessage() refuses ${what}`, () => {
      assert.throws(() => readRuntimeMessage({ header, tail: NO_TAIL }), ProtocolError);
    });
  }
});

function readsOrRefuses(read: (frame: Frame) => unknown, header: unknown): void {
  try {
    assert.equal(typeof read({ header, tail: NO_TAIL }), "object");
  } catch (error) {
    assert.ok(error instanceof ProtocolError, String(error));
  }
}

/** Paths to all parts of a JSON value. */
function placesOf(value: unknown): readonly (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) => [[key], ...placesOf(part).map((place) => [key, ...place])]);
}

function replaced(header: unknown, place: readonly string[], value: unknown): unknown {
  const copy: unknown = structuredClone(header);
  let at = copy as Record<string, unknown>;
  for (const key of place.slice(0, -1)) at = at[key] as Record<string, unknown>;
  at[place.at(-1) ?? ""] = value;
  return copy;
}

suite("descriptors", () => {
  test("arrive as duplicates of the same files, in order", () => {
    const [a, b] = socketPair("packets");
    const files = [openSync("/dev/null", "r"), openSync(import.meta.filename, "r")];

    assert.equal(sendDescriptors(a, 7, files), true);
    const received = receiveDescriptors(b, 7, 2);

    const identity = (fd: number) => [fstatSync(fd).dev, fstatSync(fd).ino];
    assert.deepEqual(received.map(identity), files.map(identity));
    for (const fd of [a, b, ...files, ...received]) closeSync(fd);
  });

  for (const [what, id, count] of [
    ["of another request", 8, 1],
    ["in another number", 7, 2],
  ] as const) {
    test(`receiveDescriptors() refuses those ${what} and closes them`, () => {
      const [a, b] = socketPair("packets");
      const file = openSync("/dev/null", "r");
      sendDescriptors(a, 7, [file]);
      const next = duplicate(file);
      closeSync(next);

      assert.throws(() => receiveDescriptors(b, id, count), ProtocolError);

      // The lowest free number is the same as before: nothing was left open.
      const after = duplicate(file);
      assert.equal(after, next);
      for (const fd of [a, b, file, after]) closeSync(fd);
    });
  }

  test("receiveDescriptors() refuses when none wait", () => {
    const [a, b] = socketPair("packets");
    assert.throws(() => receiveDescriptors(b, 1, 1), ProtocolError);
    for (const fd of [a, b]) closeSync(fd);
  });

  test("sendDescriptors() refuses 129 of them", () => {
    assert.throws(
      () =>
        sendDescriptors(
          -1,
          1,
          Array.from({ length: 129 }, () => 0),
        ),
      RangeError,
    );
  });

  test("sendDescriptors() answers false when the other side receives nothing", () => {
    const [a, b] = socketPair("packets");
    let sent = 0;
    while (sent < 100_000 && sendDescriptors(a, 1, [0])) sent++;
    assert.ok(sent > 0 && sent < 100_000, `${sent} were sent`);
    for (const fd of [a, b]) closeSync(fd);
  });
});

suite("MessageStream", () => {
  /** A stream and the raw other end. */
  function opened(onFrame: (frame: Frame) => void = () => {}) {
    const [ours, theirs] = socketPair("stream");
    const ended = Promise.withResolvers<Error | undefined>();
    const stream = new MessageStream(ours, { onFrame, onEnd: ended.resolve });
    return { stream, theirs, ended: ended.promise };
  }

  test("hands on frames and tells that the other side closed", async () => {
    const got = Promise.withResolvers<Frame>();
    const { theirs, ended } = opened(got.resolve);

    writeSync(theirs, encodeFrame({ a: 1 }, Uint8Array.of(7)));

    assert.deepEqual(await got.promise, { header: { a: 1 }, tail: Uint8Array.of(7) });
    closeSync(theirs);
    assert.equal(await ended, undefined);
  });

  test("ends at bytes that are no frame", async () => {
    const { theirs, ended } = opened();

    writeSync(theirs, Buffer.alloc(64, 0xff));

    assert.ok((await ended) instanceof ProtocolError);
    closeSync(theirs);
  });

  test("ends with what the taker of a frame throws", async () => {
    const fault = new ProtocolError("not this one");
    const { theirs, ended } = opened(() => {
      throw fault;
    });

    writeSync(theirs, encodeFrame({}));

    assert.equal(await ended, fault);
    closeSync(theirs);
  });

  test("ends when the other side leaves 64 MiB unread", async () => {
    const { stream, theirs, ended } = opened();
    const tail = new Uint8Array(MAX_TAIL_BYTES);

    for (let sent = 0; sent < 70; sent++) stream.send({}, tail);

    const error = await ended;
    assert.ok(error instanceof ProtocolError);
    assert.match(error.message, /bytes unread/);
    closeSync(theirs);
  });
});
