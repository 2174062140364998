import { ByteWriter } from "../../src/wasm/byte-writer.ts";
import type { FunctionType } from "../../src/wasm/index.ts";
import { bitsOf, type SpecValue } from "./script.ts";

const TYPES: Readonly<Record<string, number>> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };

/** Whether a function takes or gives what JavaScript cannot hold, and nothing but numbers and vectors. */
export function needsExactCall(type: FunctionType): boolean {
  const names = [...type.params, ...type.results];
  return names.every((name) => name in TYPES) && names.some((name) => name !== "i32" && name !== "i64");
}

/**
 * A module that imports a function as `f.f`, calls it with constants and gives the results' bits, low word first, as i64
 * (`call`): JavaScript can neither hold vectors nor every NaN.
 */
export function exactCaller(type: FunctionType, args: readonly SpecValue[]): Uint8Array {
  const out = new ByteWriter();
  out.raw([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
  const section = (id: number, write: () => void): void => {
    out.u8(id);
    out.sized(write);
  };
  const types = (names: readonly string[]): void => {
    out.u32(names.length);
    out.raw(names.map((name) => TYPES[name] ?? 0));
  };
  section(1, () => {
    out.raw([2, 0x60]);
    types(type.params);
    types(type.results);
    out.raw([0x60, 0]);
    types(type.results.flatMap((name) => (name === "v128" ? ["i64", "i64"] : ["i64"])));
  });
  section(2, () => out.raw([1, 1, 0x66, 1, 0x66, 0, 0]));
  section(3, () => out.raw([1, 1]));
  section(7, () => out.raw([1, 4, 0x63, 0x61, 0x6c, 0x6c, 0, 1]));
  section(10, () => {
    out.u8(1);
    out.sized(() => writeBody(out, type, args));
  });
  return out.view();
}

function writeBody(out: ByteWriter, type: FunctionType, args: readonly SpecValue[]): void {
  out.u32(type.results.length);
  for (const name of type.results) out.raw([1, TYPES[name] ?? 0]);
  for (const argument of args) writeConstant(out, argument);
  out.raw([0x10, 0]);
  const locals = type.results.map((_, index) => index);
  for (const local of locals.toReversed()) {
    out.u8(0x21);
    out.u32(local);
  }
  for (const [local, name] of type.results.entries()) writeBits(out, local, name);
  out.u8(0x0b);
}

function writeBits(out: ByteWriter, local: number, type: string): void {
  const get = (): void => {
    out.u8(0x20);
    out.u32(local);
  };
  get();
  if (type === "i32") out.u8(0xad);
  else if (type === "f32") out.raw([0xbc, 0xad]);
  else if (type === "f64") out.u8(0xbd);
  else if (type === "v128") {
    out.raw([0xfd, 0x1d, 0]);
    get();
    out.raw([0xfd, 0x1d, 1]);
  }
}

function writeConstant(out: ByteWriter, value: SpecValue): void {
  const bits = bitsOf(value) ?? 0n;
  const bytes = (count: number): number[] =>
    Array.from({ length: count }, (_, index) => Number((bits >> BigInt(8 * index)) & 0xffn));
  if (value.type === "f32") out.raw([0x43, ...bytes(4)]);
  else if (value.type === "f64") out.raw([0x44, ...bytes(8)]);
  else if (value.type === "v128") out.raw([0xfd, 0x0c, ...bytes(16)]);
  else if (value.type === "i32") out.raw([0x41, ...signedLeb(BigInt.asIntN(32, bits))]);
  else out.raw([0x42, ...signedLeb(BigInt.asIntN(64, bits))]);
}

function signedLeb(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest < -64n || rest > 63n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return [...bytes, Number(rest & 0x7fn)];
}
