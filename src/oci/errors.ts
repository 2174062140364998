/**
 * Why an image could not be had:
 * - `NOT_FOUND`: the registry does not have it
 * - `UNAUTHORIZED`: credentials are missing or wrong; `DENIED`: they do not suffice
 * - `TOO_MANY_REQUESTS`: the registry limits its clients; `UNAVAILABLE`: it cannot be reached or fails
 * - `BAD_DIGEST`, `BAD_SIZE`: what came is not what was named; `TOO_LARGE`: more than a limit allows
 * - `BAD_MANIFEST`: malformed; `UNSUPPORTED_MEDIA_TYPE`: well-formed but of a kind not read here
 * - `NOT_WASM`: an image without a module that runs here
 * - `BAD_CREDENTIALS`: a credential file or helper that cannot be read
 * - `UNSAFE`: the registry asked for what would give secrets away, such as plain http
 * - `UNEXPECTED_RESPONSE`: an answer that the protocol does not have
 */
export type RegistryErrorCode =
  | "NOT_FOUND"
  | "UNAUTHORIZED"
  | "DENIED"
  | "TOO_MANY_REQUESTS"
  | "UNAVAILABLE"
  | "BAD_DIGEST"
  | "BAD_SIZE"
  | "TOO_LARGE"
  | "BAD_MANIFEST"
  | "UNSUPPORTED_MEDIA_TYPE"
  | "NOT_WASM"
  | "BAD_CREDENTIALS"
  | "UNSAFE"
  | "UNEXPECTED_RESPONSE";

/** An image could not be pulled, pushed or copied. The message names it and says what to do; it holds no secret. */
export class RegistryError extends Error {
  readonly code: RegistryErrorCode;

  constructor(code: RegistryErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "RegistryError";
    this.code = code;
  }
}

/**
 * What is wrong with the store on disk:
 * - `NO_SPACE`: the disk or a quota is full; `NO_ACCESS`: the folder cannot be read or written
 * - `UNKNOWN_FORMAT`: another version of wasipool wrote it; `BUSY`: another process holds its lock
 * - `DAMAGED`: a file is not what it was when written; `INCOMPLETE`: a part of an image was never pulled
 */
export type StoreErrorCode = "NO_SPACE" | "NO_ACCESS" | "UNKNOWN_FORMAT" | "BUSY" | "DAMAGED" | "INCOMPLETE";

export class StoreError extends Error {
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StoreError";
    this.code = code;
  }
}

const HINTS: Readonly<Record<string, readonly [StoreErrorCode, string]>> = {
  ENOSPC: ["NO_SPACE", "no space is left on the disk; free some, or use a store elsewhere"],
  EDQUOT: ["NO_SPACE", "the disk quota is used up; free some, or use a store elsewhere"],
  EFBIG: ["NO_SPACE", "the file is larger than this process may write (ulimit -f)"],
  EACCES: ["NO_ACCESS", "permission denied; use a folder that belongs to this user"],
  EPERM: ["NO_ACCESS", "permission denied; use a folder that belongs to this user"],
  EROFS: ["NO_ACCESS", "the file system is read-only; use a folder on another one"],
  EEXIST: ["NO_ACCESS", "a file is where a folder should be"],
  ENOTDIR: ["NO_ACCESS", "a part of the path is not a folder"],
  EMFILE: ["NO_ACCESS", "this process has too many open files; raise its limit (ulimit -n)"],
};

/** Says what a failed file operation means for the store; errors without a known errno pass unchanged. */
export function storeError(action: string, root: string, cause: unknown): unknown {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? "";
  const hint = HINTS[code];
  if (!hint || cause instanceof StoreError || cause instanceof RegistryError) return cause;
  return new StoreError(hint[0], `The image store at ${root} cannot ${action}: ${code}: ${hint[1]}`, { cause });
}
