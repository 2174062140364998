/**
 * ```wat
 * (module
 *   (import "" "d" (func $decide (result i32)))
 *   (import "" "p" (func $pause))
 *   (func (export "o") (if (call $decide) (then (call $pause)))))
 * ```
 */
export const TRAMPOLINE_BYTES = Buffer.from(
  "0061736d010000000108026000017f600000020b020001640000000170000103020101070501016f00020a0b0109001000044010010b0b",
  "hex",
);

let compiled: WebAssembly.Module | undefined;

/**
 * The function `overrun` of an instance in the sliced lane: asks `decide`, a plain import, and only when it answers true calls the
 * suspending `pause`. So a check below a JavaScript frame, where V8 refuses to suspend, still gets as far as `decide`, which can
 * extend the deadline or throw. Costs about 5 us per instance.
 */
export function suspendingOverrun(decide: () => boolean, pause: () => Promise<void>): WebAssembly.ImportValue {
  compiled ??= new WebAssembly.Module(TRAMPOLINE_BYTES);
  const imports = { "": { d: () => (decide() ? 1 : 0), p: new WebAssembly.Suspending(pause) } };
  return new WebAssembly.Instance(compiled, imports).exports["o"] as WebAssembly.ImportValue;
}
