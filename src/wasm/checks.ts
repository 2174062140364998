import type { Additions } from "./additions.ts";
import { call, type Code, globalGet, i32Const, ifTrue, sequence, unsigned } from "./assembler.ts";
import { OP } from "./opcodes.ts";

const I32_ATOMIC_LOAD = 0x10;
const ALIGN_4 = 2;
const HAS_MEMORY_INDEX = 0x40;

/** Calls `overrun` when the epoch is past the deadline. The difference is signed, so that the counter may wrap. */
export function epochCheck(additions: Additions): Code {
  const { epoch, deadline, overrun } = additions;
  const memory = epoch === 0 ? [ALIGN_4] : [ALIGN_4 | HAS_MEMORY_INDEX, ...unsigned(epoch)];
  const now = sequence(i32Const(0), OP.atomicPrefix, I32_ATOMIC_LOAD, memory, 0);
  return sequence(now, globalGet(deadline), OP.i32Sub, i32Const(0), OP.i32GtS, ifTrue(call(overrun)));
}
