import { BULK, OP } from "./opcodes.ts";

/** Encoded instructions. */
export type Code = readonly number[];

/** Instructions and opcodes one after another. */
export function sequence(...parts: readonly (Code | number)[]): Code {
  return parts.flat();
}

/** Type bytes. */
export const TYPE = { i32: [0x7f], i64: [0x7e] } as const;

/** Unsigned LEB128. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return bytes;
}

/** Signed LEB128 of a safe integer. */
export function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest < -64 || rest > 63) {
    const low = ((rest % 128) + 128) % 128;
    bytes.push(low | 0x80);
    rest = (rest - low) / 128;
  }
  bytes.push(rest & 0x7f);
  return bytes;
}

export const localGet = (index: number): Code => [OP.localGet, ...unsigned(index)];
export const localSet = (index: number): Code => [OP.localSet, ...unsigned(index)];
export const globalGet = (index: number): Code => [OP.globalGet, ...unsigned(index)];
export const globalSet = (index: number): Code => [OP.globalSet, ...unsigned(index)];
export const i32Const = (value: number): Code => [OP.i32Const, ...signed(value)];
export const i64Const = (value: number): Code => [OP.i64Const, ...signed(value)];
export const call = (index: number): Code => [OP.call, ...unsigned(index)];
export const branch = (label: number): Code => [OP.br, label];
export const branchIf = (label: number): Code => [OP.brIf, label];

/** A bulk operation with its two or fewer indices. */
export const bulk = (operation: (typeof BULK)[keyof typeof BULK], ...indices: readonly number[]): Code => [
  OP.bulkPrefix,
  operation,
  ...indices.flatMap((index) => unsigned(index)),
];

const VOID = 0x40;

export const block = (body: Code): Code => [OP.block, VOID, ...body, OP.end];
export const loop = (body: Code): Code => [OP.loop, VOID, ...body, OP.end];
/** Runs `body` when the i32 on the stack is not 0. */
export const ifTrue = (body: Code, otherwise: Code = []): Code => [
  OP.if,
  VOID,
  ...body,
  ...(otherwise.length > 0 ? [OP.else, ...otherwise] : []),
  OP.end,
];

/** A function type. */
export function functionType(params: readonly Code[], results: readonly Code[] = []): Code {
  return [0x60, ...unsigned(params.length), ...params.flat(), ...unsigned(results.length), ...results.flat()];
}
