import { readFileSync } from "node:fs";
import path from "node:path";
import { type FunctionType, readModule } from "../../src/wasm/index.ts";
import { exactCaller, needsExactCall } from "./exact-call.ts";
import type { Lane } from "./lanes.ts";
import { bitsOf, matches, type SpecAction, type SpecCommand, type SpecScript, type SpecValue } from "./script.ts";

/** What came of one assertion: `pass`, or what was seen instead. `trap` has the engine's words for a trap. */
export interface Outcome {
  readonly line: number;
  readonly type: string;
  readonly result: string;
}

interface Running {
  readonly exports: WebAssembly.Exports;
  readonly functionTypes: ReadonlyMap<string, FunctionType>;
}

/** Runs the assertions of a script, made of a `.wast` file into JSON and modules in `directory`, in one lane. */
export async function runScript(directory: string, script: SpecScript, lane: Lane): Promise<Outcome[]> {
  const runner = new Runner(directory, lane);
  const outcomes: Outcome[] = [];
  for (const command of script.commands) {
    const result = await runner.run(command).catch((error: unknown) => `failed: ${describe(error)}`);
    if (result !== undefined) outcomes.push({ line: command.line, type: command.type, result });
  }
  return outcomes;
}

class Runner {
  readonly #directory: string;
  readonly #lane: Lane;
  readonly #definitions = new Map<string | undefined, Uint8Array>();
  readonly #named = new Map<string | undefined, Running>();
  readonly #registered: WebAssembly.Imports;

  constructor(directory: string, lane: Lane) {
    this.#directory = directory;
    this.#lane = lane;
    this.#registered = { spectest: spectest() };
  }

  /** Answers `pass` or a reason for assertions, nothing for commands that only prepare. */
  async run(command: SpecCommand): Promise<string | undefined> {
    switch (command.type) {
      case "module":
        this.#keep(command.name, await this.#instantiate(this.#read(command)));
        return "pass";
      case "module_definition":
        for (const name of [command.name, undefined]) this.#definitions.set(name, this.#read(command));
        return undefined;
      case "module_instance":
        this.#keep(
          command.instance,
          await this.#instantiate(this.#definitions.get(command.module) ?? new Uint8Array()),
        );
        return "pass";
      case "register":
        this.#registered[command.as ?? ""] = importable(this.#instance(command.name).exports);
        return undefined;
      case "action":
        await this.#act(command.action);
        return "pass";
      case "assert_return":
        return this.#assertReturn(command);
      case "assert_trap":
      case "assert_exhaustion":
      case "assert_exception":
        return this.#assertThrows(command);
      default:
        return this.#assertRejected(command);
    }
  }

  async #assertReturn({ action, expected, either }: SpecCommand): Promise<string> {
    const wanted = expected ?? (either ? [{ type: "either", values: either }] : []);
    const actual = await this.#act(action);
    const isRight = actual.length === wanted.length && wanted.every((value, index) => matches(value, actual[index]));
    return isRight ? "pass" : `got ${actual.map(String).join(", ")}`;
  }

  async #assertThrows({ action, type }: SpecCommand): Promise<string> {
    try {
      await this.#act(action);
    } catch (error) {
      if (type === "assert_trap" && !(error instanceof WebAssembly.RuntimeError)) return `threw ${describe(error)}`;
      if (type === "assert_exhaustion" && !(error instanceof RangeError)) return `threw ${describe(error)}`;
      return type === "assert_trap" ? `pass: ${describe(error)}` : "pass";
    }
    return "returned";
  }

  /** Invalid, malformed, not linkable, or trapping as it is made. */
  async #assertRejected(command: SpecCommand): Promise<string | undefined> {
    if (command.module_type !== "binary") return undefined;
    try {
      await this.#instantiate(this.#read(command));
    } catch {
      return "pass";
    }
    return "accepted";
  }

  async #act(action: SpecAction | undefined): Promise<unknown[]> {
    if (!action) throw new TypeError("A command without an action");
    const running = this.#instance(action.module);
    const entity = running.exports[action.field];
    if (action.type === "get") return [globalValue(entity as WebAssembly.Global)];
    const type = running.functionTypes.get(action.field);
    const args = action.args ?? [];
    if (type && needsExactCall(type)) return this.#callExactly(entity as Function, type, args);
    const result = await this.#lane.call(entity as Function, args.map(javaScriptValue));
    if (type && type.results.length === 0) return [];
    const results = Array.isArray(result) ? result : [result];
    return results.map((value, index) => asBits(value, type?.results[index] ?? ""));
  }

  async #callExactly(run: Function, type: FunctionType, args: readonly SpecValue[]): Promise<bigint[]> {
    const caller = new WebAssembly.Instance(new WebAssembly.Module(exactCaller(type, args)), { f: { f: run } });
    const result = await this.#lane.call(caller.exports["call"] as Function, []);
    const words = (Array.isArray(result) ? result : result === undefined ? [] : [result]) as bigint[];
    let next = 0;
    const word = (): bigint => BigInt.asUintN(64, words[next++] ?? 0n);
    return type.results.map((name) => (name === "v128" ? word() | (word() << 64n) : word()));
  }

  async #instantiate(bytes: Uint8Array): Promise<Running> {
    const instance = await this.#lane.instantiate(bytes, this.#registered);
    return { exports: instance.exports, functionTypes: functionTypesOf(bytes) };
  }

  #keep(name: string | undefined, running: Running): void {
    this.#named.set(undefined, running);
    if (name !== undefined) this.#named.set(name, running);
  }

  #instance(name: string | undefined): Running {
    const running = this.#named.get(name);
    if (!running) throw new TypeError(`No module ${name ?? "yet"}`);
    return running;
  }

  #read({ filename = "", binary_filename }: SpecCommand): Uint8Array {
    return readFileSync(path.join(this.#directory, path.basename(binary_filename ?? filename)));
  }
}

function functionTypesOf(bytes: Uint8Array): Map<string, FunctionType> {
  const types = new Map<string, FunctionType>();
  for (const { name, type } of readModule(bytes).exports) if (type) types.set(name, type);
  return types;
}

/** The exports without what instrumenting added. */
function importable(exports: WebAssembly.Exports): WebAssembly.ModuleImports {
  return Object.fromEntries(Object.entries(exports).filter(([name]) => !name.startsWith("wasipool:")));
}

function javaScriptValue(value: SpecValue): unknown {
  if (value.value === "null") return null;
  const bits = bitsOf(value);
  if (value.type === "i64") return bits;
  return Number(bits ?? value.value);
}

function globalValue({ value }: WebAssembly.Global): unknown {
  return typeof value === "number" ? BigInt(value) : value;
}

function asBits(value: unknown, type: string): unknown {
  if (type === "i32") return BigInt.asUintN(32, BigInt(value as number));
  return type === "i64" ? BigInt.asUintN(64, value as bigint) : value;
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

function print(): void {}

function global(value: WebAssembly.ValueType, initial: unknown): WebAssembly.Global {
  return new WebAssembly.Global({ value }, initial);
}

function spectest(): WebAssembly.ModuleImports {
  return {
    print,
    print_i32: print,
    print_i64: print,
    print_i32_f32: print,
    print_f64_f64: print,
    print_f32: print,
    print_f64: print,
    global_i32: global("i32", 666),
    global_i64: global("i64", 666n),
    global_f32: global("f32", 666.6),
    global_f64: global("f64", 666.6),
    table: new WebAssembly.Table({ initial: 10, maximum: 20, element: "anyfunc" }),
    memory: new WebAssembly.Memory({ initial: 1, maximum: 2 }),
  };
}
