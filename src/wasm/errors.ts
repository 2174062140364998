/** A module that is well formed but cannot be run safely here; the image that holds it is refused with this message. */
export class UnsupportedModuleError extends RangeError {
  override readonly name = "UnsupportedModuleError";
  readonly code = "UNSUPPORTED_MODULE";
}
