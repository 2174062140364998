/**
 * ```wat
 * (module
 *   (import "" "d" (func $decide (result i32)))
 *   (import "" "p" (func $pause))
 *   (func (export "o") (if (call $decide) (then (call $pause)))))
 * ```
 */
export const TRAMPOLINE_BYTES = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x60, 0x00, 0x01, 0x7f, 0x60, 0x00, 0x00],
  ...[0x02, 0x0b, 0x02, 0x00, 0x01, 0x64, 0x00, 0x00, 0x00, 0x01, 0x70, 0x00, 0x01, 0x03, 0x02, 0x01, 0x01],
  ...[0x07, 0x05, 0x01, 0x01, 0x6f, 0x00, 0x02, 0x0a, 0x0b, 0x01, 0x09, 0x00, 0x10, 0x00, 0x04, 0x40, 0x10, 0x01],
  ...[0x0b, 0x0b],
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
