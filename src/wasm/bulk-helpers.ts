import type { Additions } from "./additions.ts";
import {
  bulk,
  type Code,
  functionType,
  globalGet,
  i32Const,
  i64Const,
  ifTrue,
  localGet,
  sequence,
  TYPE,
  unsigned,
} from "./assembler.ts";
import { UnsupportedModuleError } from "./errors.ts";
import { MAX_HELPERS } from "./limits.ts";
import { BULK, OP } from "./opcodes.ts";
import { ascending, descending, type PieceWork, rangeGuard, remainder } from "./pieces.ts";
import type { ModuleStructure } from "./structure.ts";

/** Bytes that a memory operation handles between two checks: about 0.1 to 0.5 ms. */
export const PIECE_BYTES = 1024 * 1024;
/** Entries that a table operation handles between two checks. */
export const PIECE_ENTRIES = 64 * 1024;

const PARAMETERS = [TYPE.i32, TYPE.i32, TYPE.i32];
const DESTINATION = localGet(0);
const SOURCE = localGet(1);

/**
 * Functions in place of bulk operations, made when first asked for. Each traps before it changes anything, as the operation
 * does; memory ends where `memory.size` says, also where more is mapped.
 */
export class BulkHelpers {
  /** Tables that code can change. */
  readonly changedTables = new Set<number>();
  readonly #functions = new Map<string, number>();
  /** Globals that tell whether a passive segment has been dropped; the segment itself stays for the next run. */
  readonly #dropped = new Map<string, number>();
  readonly #structure: ModuleStructure;
  readonly #additions: Additions;
  readonly #check: Code;
  readonly #pages: number;

  /** `pages` is the global that holds the memory's size; -1 in a module without memory. */
  constructor(structure: ModuleStructure, additions: Additions, check: Code, pages: number) {
    this.#structure = structure;
    this.#additions = additions;
    this.#check = check;
    this.#pages = pages;
  }

  memoryFill(): number {
    const work = this.#memoryWork(bulk(BULK.memoryFill, 0));
    return this.#helper("memory.fill", () => [...this.#memoryGuard(DESTINATION), ...ascending(work, [0])], work);
  }

  memoryCopy(): number {
    const work = this.#memoryWork(bulk(BULK.memoryCopy, 0, 0));
    const code = (): Code => [...this.#memoryGuard(DESTINATION), ...this.#memoryGuard(SOURCE), ...overlapping(work)];
    return this.#helper("memory.copy", code, work);
  }

  memoryInit(segment: number): number {
    const work = this.#memoryWork(bulk(BULK.memoryInit, segment, 0));
    const code = (): Code => [
      ...rangeGuard(SOURCE, this.#segmentSize("data", segment), MEMORY_TRAP),
      ...this.#memoryGuard(DESTINATION),
      ...ascending(work, [0, 1]),
    ];
    return this.#helper(`memory.init ${segment}`, code, work);
  }

  tableFill(table: number): number {
    this.changedTables.add(table);
    const work = this.#tableWork(bulk(BULK.tableFill, table));
    const [start = 0, end = 0] = this.#structure.tables[table]?.elementRange ?? [];
    const element = [...this.#structure.bytes.subarray(start, end)];
    const code = (): Code => [...tableGuard(DESTINATION, table), ...ascending(work, [0])];
    return this.#helper(`table.fill ${table}`, code, work, [TYPE.i32, element, TYPE.i32]);
  }

  tableCopy(destination: number, source: number): number {
    this.changedTables.add(destination);
    const work = this.#tableWork(bulk(BULK.tableCopy, destination, source));
    const code = (): Code => [
      ...tableGuard(DESTINATION, destination),
      ...tableGuard(SOURCE, source),
      ...overlapping(work),
    ];
    return this.#helper(`table.copy ${destination} ${source}`, code, work);
  }

  tableInit(segment: number, table: number): number {
    this.changedTables.add(table);
    const work = this.#tableWork(bulk(BULK.tableInit, segment, table));
    const code = (): Code => [
      ...tableGuard(DESTINATION, table),
      ...rangeGuard(SOURCE, this.#segmentSize("element", segment), segmentTrap(segment, table)),
      ...ascending(work, [0, 1]),
    ];
    return this.#helper(`table.init ${segment} ${table}`, code, work);
  }

  /** Global to set to 1 in place of dropping a passive segment. */
  droppedFlag(kind: "data" | "element", segment: number): number {
    const key = `${kind}-${segment}`;
    const known = this.#dropped.get(key);
    if (known !== undefined) return known;
    const index = this.#additions.addGlobal(0, `wasipool:dropped-${key}`);
    this.#dropped.set(key, index);
    return index;
  }

  /** Exported names of the globals that tell what has been dropped. */
  droppedFlagNames(): string[] {
    return [...this.#dropped.keys()].map((key) => `wasipool:dropped-${key}`);
  }

  #helper(key: string, code: () => Code, work: PieceWork, parameters: readonly Code[] = PARAMETERS): number {
    const known = this.#functions.get(key);
    if (known !== undefined) return known;
    if (this.#functions.size === MAX_HELPERS) {
      throw new UnsupportedModuleError(`Module uses bulk operations on more than ${MAX_HELPERS} segments and tables`);
    }
    const index = this.#additions.addFunction(functionType(parameters), () => ({
      code: [...code(), ...remainder(work)],
    }));
    this.#functions.set(key, index);
    return index;
  }

  #memoryWork(operation: Code): PieceWork {
    return { piece: PIECE_BYTES, check: this.#check, operation };
  }

  #tableWork(operation: Code): PieceWork {
    return { piece: PIECE_ENTRIES, check: this.#check, operation };
  }

  #memoryGuard(start: Code): Code {
    const memoryBytes = [...globalGet(this.#pages), OP.i64ExtendI32U, ...i64Const(16), OP.i64Shl];
    return rangeGuard(start, memoryBytes, MEMORY_TRAP);
  }

  /** Nothing is left of a segment that has been dropped or used up when the instance was made. */
  #segmentSize(kind: "data" | "element", segment: number): Code {
    const segments = kind === "data" ? this.#structure.data : this.#structure.elements;
    const { isPassive, length } = segments[segment] ?? { isPassive: false, length: 0 };
    const size = isPassive ? length : 0;
    const dropped = this.#dropped.get(`${kind}-${segment}`);
    if (dropped === undefined) return i64Const(size);
    return [...i64Const(0), ...i64Const(size), ...globalGet(dropped), OP.select];
  }
}

/** An access beyond any memory: traps with the engine's own words for it. */
const MEMORY_TRAP: Code = [...i32Const(-1), OP.i32Load8U, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, OP.drop];

function tableTrap(table: number): Code {
  return [...i32Const(-1), OP.tableGet, ...unsigned(table), OP.drop];
}

/** Above any segment's length; a larger start has V8 blame the table. */
const BEYOND_SEGMENTS = 0x3fff_ffff;

/** No elements, but from beyond any segment: traps with the engine's own words for it. */
function segmentTrap(segment: number, table: number): Code {
  return sequence(i32Const(0), i32Const(BEYOND_SEGMENTS), i32Const(0), bulk(BULK.tableInit, segment, table));
}

function tableGuard(start: Code, table: number): Code {
  return rangeGuard(start, [...bulk(BULK.tableSize, table), OP.i64ExtendI32U], tableTrap(table));
}

/** A copy whose ranges may overlap: upwards when it goes to a lower place, else downwards. */
function overlapping(work: PieceWork): Code {
  return [...DESTINATION, ...SOURCE, OP.i32LeU, ...ifTrue(ascending(work, [0, 1]), descending(work))];
}
