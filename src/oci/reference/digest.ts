import { createHash } from "node:crypto";

/** `sha256:` and 64 lower-case hexadecimal digits: the one algorithm every registry has. */
export type Digest = `sha256:${string}`;

const DIGEST = /^sha256:[0-9a-f]{64}$/;

export function isDigest(text: string): text is Digest {
  return DIGEST.test(text);
}

/** Throws SyntaxError when `text` is no sha256 digest. */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  const [algorithm = ""] = text.split(":");
  if (/^sha(?:384|512)$/.test(algorithm)) {
    throw new SyntaxError(`Cannot use digest "${text.slice(0, 80)}": only sha256 digests are supported`);
  }
  throw new SyntaxError(
    `Cannot parse digest "${text.slice(0, 80)}": it must be sha256: and 64 lower-case hexadecimal digits`,
  );
}

export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** The part after `sha256:`; safe as a file name. */
export function hexOf(digest: Digest): string {
  return digest.slice("sha256:".length);
}
