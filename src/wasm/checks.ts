import type { Additions } from "./additions.ts";
import { call, type Code, globalGet, i32Const, ifTrue, sequence, unsigned } from "./assembler.ts";
import { OP } from "./opcodes.ts";

const I32_ATOMIC_LOAD = 0x10;
const ALIGN_4 = 2;
const HAS_MEMORY_INDEX = 0x40;

/** A check: its code, and where in it the branch stands that is hardly ever taken. */
export interface EpochCheck {
  readonly code: Code;
  readonly branchOffset: number;
}

/**
 * Calls `overrun` when the epoch is past the deadline. The difference is signed, so that the counter may wrap, which costs
 * nothing against an unsigned comparison. The load is atomic: a plain one is up to a tenth faster in tight loops, but nothing
 * would oblige a compiler to repeat it.
 */
export function epochCheck(additions: Additions): EpochCheck {
  const { epoch, deadline, overrun } = additions;
  const memory = epoch === 0 ? [ALIGN_4] : [ALIGN_4 | HAS_MEMORY_INDEX, ...unsigned(epoch)];
  const now = sequence(i32Const(0), OP.atomicPrefix, I32_ATOMIC_LOAD, memory, 0);
  const isPast = sequence(now, globalGet(deadline), OP.i32Sub, i32Const(0), OP.i32GtS);
  return { code: sequence(isPast, ifTrue(call(overrun))), branchOffset: isPast.length };
}
