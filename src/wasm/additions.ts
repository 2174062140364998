import { type Code, functionType, i32Const, unsigned } from "./assembler.ts";
import { HOST_EXPORTS } from "./layout.ts";
import { OP } from "./opcodes.ts";
import type { ModuleStructure } from "./structure.ts";

/** The body of an added function: locals beyond the parameters (type bytes each) and instructions without the last `end`. */
export interface AddedBody {
  readonly locals?: readonly Code[];
  readonly code: Code;
}

/** What is added to a module, with the indices it will have there: after the guest's own, except the function `overrun`. */
export class Additions {
  /** The imported function `overrun`: after the guest's imports, before its own functions. */
  readonly overrun: number;
  readonly overrunType: number;
  /** The imported shared memory: after the guest's. */
  readonly epoch: number;
  readonly deadline: number;
  /** Encoded types, functions (type indices, bodies), globals and exports. */
  readonly types: Code[] = [];
  readonly functionTypes: number[] = [];
  readonly globals: Code[] = [];
  readonly exports: { readonly name: string; readonly kind: number; readonly index: number }[] = [];
  readonly #bodies: (() => AddedBody)[] = [];
  readonly #typeIndices = new Map<string, number>();
  readonly #structure: ModuleStructure;

  constructor(structure: ModuleStructure) {
    this.#structure = structure;
    this.overrun = structure.importedFunctions;
    this.overrunType = this.#type(functionType([]));
    this.epoch = structure.memories.length;
    this.deadline = this.addGlobal(0, HOST_EXPORTS.deadline);
  }

  /** Adds a mutable i32 global, exported as `name`; answers its index. */
  addGlobal(initial: number, name: string): number {
    const index = this.#structure.globals.length + this.globals.length;
    this.globals.push([0x7f, 1, ...i32Const(initial), OP.end]);
    this.exports.push({ name, kind: 3, index });
    return index;
  }

  /** Adds a function; its body is asked for when all code has been read. Answers its index. */
  addFunction(type: Code, body: () => AddedBody): number {
    const index = this.#structure.functions.length + 1 + this.functionTypes.length;
    this.functionTypes.push(this.#type(type));
    this.#bodies.push(body);
    return index;
  }

  /** Bodies of the added functions as the code section holds them, without their sizes. */
  bodies(): Code[] {
    return this.#bodies.map((bodyOf) => {
      const { locals = [], code } = bodyOf();
      return [...unsigned(locals.length), ...locals.flatMap((type) => [1, ...type]), ...code, OP.end];
    });
  }

  #type(type: Code): number {
    const key = type.join();
    const known = this.#typeIndices.get(key);
    if (known !== undefined) return known;
    const index = this.#structure.types.length + this.types.length;
    this.types.push(type);
    this.#typeIndices.set(key, index);
    return index;
  }
}
