/** What a file is, by its first eight bytes: a core module (version 1), a component (layer 1), or neither. */
export type FileKind = "module" | "component" | "not-wasm";

const MAGIC = [0x00, 0x61, 0x73, 0x6d] as const;

/** Tells modules and components apart from anything else; looks at the first eight bytes only. */
export function detectKind(bytes: Uint8Array): FileKind {
  if (MAGIC.some((byte, index) => bytes[index] !== byte) || bytes.length < 8) return "not-wasm";
  const [version, versionHigh, layer, layerHigh] = bytes.subarray(4, 8);
  if (versionHigh !== 0 || layerHigh !== 0) return "not-wasm";
  if (layer === 1) return "component";
  return layer === 0 && version === 1 ? "module" : "not-wasm";
}
