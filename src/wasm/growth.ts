import type { Additions } from "./additions.ts";
import {
  block,
  branchIf,
  type Code,
  functionType,
  globalGet,
  globalSet,
  i32Const,
  i64Const,
  ifTrue,
  localGet,
  localSet,
  sequence,
  TYPE,
} from "./assembler.ts";
import { HOST_EXPORTS } from "./layout.ts";
import { OP } from "./opcodes.ts";

/** Pages of a 32-bit memory at most. */
export const MAX_PAGES = 65_536;

/** The guest's view of its memory's size. */
export interface VirtualMemory {
  /** Global that holds the size in pages. */
  readonly pages: number;
  /** Function in place of `memory.grow`. */
  readonly grow: number;
}

/** Adds the globals and the function behind `memory.size` and `memory.grow`. */
export function addVirtualMemory(additions: Additions, memory: { min: number; max?: number }): VirtualMemory {
  const pages = additions.addGlobal(memory.min, HOST_EXPORTS.pages);
  const maxPages = additions.addGlobal(Math.min(memory.max ?? MAX_PAGES, MAX_PAGES), HOST_EXPORTS.maxPages);
  const refusedPages = additions.addGlobal(0, HOST_EXPORTS.refusedPages);
  const grow = additions.addFunction(functionType([TYPE.i32], [TYPE.i32]), () => ({
    locals: [TYPE.i32, TYPE.i64],
    code: growCode(pages, maxPages, refusedPages),
  }));
  return { pages, grow };
}

const DELTA = localGet(0);
const OLD = localGet(1);
/** 64 bits, so that no sum wraps. */
const WANTED = localGet(2);
const WANTED_PAGES = sequence(WANTED, OP.i32WrapI64);
const PHYSICAL_PAGES: Code = [OP.memorySize, 0];

/** Grows within `maxPages`, physically only beyond what an earlier run of this instance has grown; notes what it refuses. */
function growCode(pages: number, maxPages: number, refusedPages: number): Code {
  const refused = block(growOrLeave(pages, maxPages));
  // From here on local 1 holds the wanted pages, cut off at 2^32 - 1.
  const isAboveU32 = sequence(WANTED, i64Const(0xffff_ffff), OP.i64GtU);
  const cutOff = sequence(i32Const(-1), WANTED_PAGES, isAboveU32, OP.select, localSet(1));
  const note = sequence(
    localGet(1),
    globalGet(refusedPages),
    OP.i32GtU,
    ifTrue([...localGet(1), ...globalSet(refusedPages)]),
  );
  return sequence(
    sequence(globalGet(pages), localSet(1)),
    sequence(OLD, OP.i64ExtendI32U, DELTA, OP.i64ExtendI32U, OP.i64Add, localSet(2)),
    sequence(refused, cutOff, note, i32Const(-1)),
  );
}

/** Returns the old size when it could grow, else leaves the block. */
function growOrLeave(pages: number, maxPages: number): Code {
  const isTooLarge = sequence(WANTED, globalGet(maxPages), OP.i64ExtendI32U, OP.i64GtU);
  const physicalGrow = sequence(WANTED_PAGES, PHYSICAL_PAGES, OP.i32Sub, OP.memoryGrow, 0, i32Const(-1), OP.i32Eq);
  return sequence(
    sequence(isTooLarge, branchIf(0)),
    sequence(WANTED_PAGES, PHYSICAL_PAGES, OP.i32GtU, ifTrue([...physicalGrow, ...branchIf(1)])),
    sequence(WANTED_PAGES, globalSet(pages), OLD, OP.return),
  );
}
