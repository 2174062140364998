import assert from "node:assert/strict";
import { writeSync } from "node:fs";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { CopyRestorer, CowRestorer } from "./memory-restorer.ts";
import { createSealedFile, mapPrivately, closeFile } from "./native-memory.ts";
import { Snapshot } from "./snapshot.ts";

const PAGE = 65_536;

function memoryWith(pages: number, writes: readonly (readonly [offset: number, value: number])[]): WebAssembly.Memory {
  const memory = new WebAssembly.Memory({ initial: pages });
  write(memory, writes);
  return memory;
}

function write(memory: WebAssembly.Memory, writes: readonly (readonly [offset: number, value: number])[]): void {
  const bytes = new Uint8Array(memory.buffer);
  for (const [offset, value] of writes) bytes[offset % bytes.length] = value;
}

function copyOf(memory: WebAssembly.Memory): Buffer {
  return Buffer.from(memory.buffer.slice(0));
}

const writes = fc.array(fc.tuple(fc.nat(40 * PAGE), fc.integer({ min: 1, max: 255 })), { maxLength: 12 });

describe("MemoryRestorer", () => {
  for (const Restorer of [CopyRestorer, CowRestorer]) {
    test(`${Restorer.name}.restore() puts back what was there and clears what grew, whatever a guest wrote`, () => {
      const property = fc.property(
        fc.integer({ min: 1, max: 40 }),
        writes,
        writes,
        fc.nat(12),
        (pages, initial, dirt, growth) => {
          const memory = memoryWith(pages, initial);
          const clean = copyOf(memory);
          const snapshot = new Snapshot(memory.buffer);
          const restorer = new Restorer(memory, snapshot);
          memory.grow(growth);
          for (let round = 0; round < 12; round++) {
            write(memory, dirt);
            restorer.restore();
            if (round === 10) restorer.trim();
            const now = copyOf(memory);
            assert.ok(now.subarray(0, clean.length).equals(clean));
            assert.ok(now.subarray(clean.length).equals(Buffer.alloc(growth * PAGE)));
          }
          snapshot.close();
        },
      );
      fc.assert(property, { numRuns: 40 });
    });
  }
});

test("Snapshot holds the pages that are not zero, with few extents however scattered they are", () => {
  const scattered = Array.from({ length: 20 }, (_, index) => [index * 10 * PAGE, 1] as const);
  const memory = memoryWith(200, scattered);

  const { extents, sizeBytes } = new Snapshot(memory.buffer);

  assert.equal(sizeBytes, 200 * PAGE);
  assert.ok(extents.length <= 4, `${extents.length} extents`);
  const whole = Buffer.alloc(sizeBytes);
  for (const { offset, bytes } of extents) whole.set(bytes, offset);
  assert.ok(whole.equals(copyOf(memory)));
});

test("Snapshot of an untouched memory holds nothing", () => {
  assert.deepEqual(new Snapshot(memoryWith(3, []).buffer).extents, []);
});

test("createSealedFile() makes a file that nobody can change or shrink", () => {
  const fd = createSealedFile([{ offset: 4096, bytes: new Uint8Array(4096).fill(7) }], PAGE);
  assert.throws(() => writeSync(fd, Buffer.from("x"), 0, 1, 0), { code: "EPERM" });

  const memory = memoryWith(1, [[0, 1]]);
  mapPrivately(memory.buffer, fd, 0, PAGE);
  assert.equal(new Uint8Array(memory.buffer)[4096], 7);
  assert.equal(new Uint8Array(memory.buffer)[0], 0);
  closeFile(fd);
});

test("mapPrivately() fails where it cannot map", () => {
  assert.throws(() => mapPrivately(memoryWith(1, []).buffer, 1_000_000, 0, PAGE), /mmap failed with errno 9/);
});
