import assert from "node:assert/strict";
import { RegistryError, type RegistryErrorCode } from "../errors.ts";

/** What an error must be, for assert.rejects(): its code and a part of its message. */
export function failing(code: RegistryErrorCode, part: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof RegistryError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, part);
    return true;
  };
}
