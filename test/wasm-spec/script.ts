/** The JSON that wast2json and `wasm-tools json-from-wast` make of a `.wast` script: what is used of it. */
export interface SpecScript {
  readonly commands: readonly SpecCommand[];
}

export interface SpecCommand {
  readonly type: string;
  readonly line: number;
  readonly name?: string;
  readonly as?: string;
  /** Of `module_instance`: which definition. */
  readonly module?: string;
  readonly instance?: string;
  readonly filename?: string;
  readonly binary_filename?: string;
  readonly module_type?: "binary" | "text";
  readonly action?: SpecAction;
  readonly expected?: readonly SpecValue[];
  readonly either?: readonly SpecValue[];
  readonly text?: string;
}

export interface SpecAction {
  readonly type: "invoke" | "get";
  readonly module?: string;
  readonly field: string;
  readonly args?: readonly SpecValue[];
}

export interface SpecValue {
  readonly type: string;
  readonly lane_type?: string;
  readonly value?: string | readonly string[];
  readonly values?: readonly SpecValue[];
}

const LANE_BITS: Readonly<Record<string, number>> = { i8: 8, i16: 16, i32: 32, i64: 64, f32: 32, f64: 64 };

/** The bits of a number or vector, as one unsigned integer; `undefined` for references and for NaN patterns. */
export function bitsOf(value: SpecValue): bigint | undefined {
  if (value.type !== "v128") {
    const bits = LANE_BITS[value.type];
    if (bits === undefined || typeof value.value !== "string" || value.value.startsWith("nan:")) return undefined;
    return BigInt.asUintN(bits, BigInt(value.value));
  }
  const laneBits = LANE_BITS[value.lane_type ?? ""] ?? 0;
  let bits = 0n;
  for (const [lane, text] of lanesOf(value).entries()) {
    if (text.startsWith("nan:")) return undefined;
    bits |= BigInt.asUintN(laneBits, BigInt(text)) << BigInt(lane * laneBits);
  }
  return bits;
}

/** Whether `actual` (bits of a number or vector, or a reference) is what a script expects. */
export function matches(expected: SpecValue, actual: unknown): boolean {
  if (expected.type === "either") return (expected.values ?? []).some((value) => matches(value, actual));
  if (expected.type === "v128") return lanesMatch(expected, actual);
  const bits = LANE_BITS[expected.type];
  if (bits === undefined) return referenceMatches(expected, actual);
  if (typeof actual !== "bigint") return false;
  return laneMatches(String(expected.value), bits, actual);
}

function lanesOf({ value }: SpecValue): readonly string[] {
  return typeof value === "object" ? value : [];
}

function lanesMatch(expected: SpecValue, actual: unknown): boolean {
  if (typeof actual !== "bigint") return false;
  const laneBits = LANE_BITS[expected.lane_type ?? ""] ?? 0;
  return lanesOf(expected).every((text, lane) =>
    laneMatches(text, laneBits, BigInt.asUintN(laneBits, actual >> BigInt(lane * laneBits))),
  );
}

function laneMatches(expected: string, bits: number, actual: bigint): boolean {
  if (!expected.startsWith("nan:")) return actual === BigInt.asUintN(bits, BigInt(expected));
  const quiet = bits === 32 ? 0x7fc0_0000n : 0x7ff8_0000_0000_0000n;
  const magnitude = BigInt.asUintN(bits - 1, actual);
  return expected === "nan:canonical" ? magnitude === quiet : (magnitude & quiet) === quiet;
}

function referenceMatches(expected: SpecValue, actual: unknown): boolean {
  if (expected.value === "null" || expected.type.startsWith("null") || expected.type === "refnull")
    return actual === null;
  if (expected.type === "externref" && typeof expected.value === "string") return actual === Number(expected.value);
  return actual !== null;
}
