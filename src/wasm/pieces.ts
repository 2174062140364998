import {
  block,
  branch,
  branchIf,
  type Code,
  i32Const,
  ifTrue,
  localGet,
  localSet,
  loop,
  sequence,
} from "./assembler.ts";
import { OP } from "./opcodes.ts";

/** Parameter that holds the length in every bulk operation. */
const LENGTH = 2;

/** A bulk operation over a length that is cut into pieces. */
export interface PieceWork {
  /** Bytes or entries of a piece. */
  readonly piece: number;
  /** Runs before each piece. */
  readonly check: Code;
  /** The instruction itself; its operands are parameters 0 and 1 and the length. */
  readonly operation: Code;
}

/** Code that traps when `start + length` is above `limit` (64 bits); `start` and `length` have 32. */
export function rangeGuard(start: Code, limit: Code, trap: Code): Code {
  const end = sequence(start, OP.i64ExtendI32U, localGet(LENGTH), OP.i64ExtendI32U, OP.i64Add);
  return sequence(end, limit, OP.i64GtU, ifTrue(trap));
}

/** Works from the lowest piece up; `moving` are the parameters that are positions. */
export function ascending(work: PieceWork, moving: readonly number[]): Code {
  const operate = sequence(localGet(0), localGet(1), i32Const(work.piece), work.operation);
  const advance = moving.map((local) => sequence(localGet(local), i32Const(work.piece), OP.i32Add, localSet(local)));
  return whileLong(work, sequence(operate, ...advance, shorten(work)));
}

/** Works from the highest piece down, for overlapping copies to a higher place. */
export function descending(work: PieceWork): Code {
  return whileLong(work, sequence(shorten(work), fromEnd(0), fromEnd(1), i32Const(work.piece), work.operation));
}

/** The operation on what is left, at most one piece. */
export function remainder(work: PieceWork): Code {
  return sequence(localGet(0), localGet(1), localGet(LENGTH), work.operation);
}

function fromEnd(local: number): Code {
  return sequence(localGet(local), localGet(LENGTH), OP.i32Add);
}

function whileLong(work: PieceWork, step: Code): Code {
  const isShort = sequence(localGet(LENGTH), i32Const(work.piece), OP.i32LeU);
  return block(loop(sequence(isShort, branchIf(1), work.check, step, branch(0))));
}

function shorten(work: PieceWork): Code {
  return sequence(localGet(LENGTH), i32Const(work.piece), OP.i32Sub, localSet(LENGTH));
}
