/** A module cannot run here, whatever its invocation: `message` says why. */
export class UnusableModuleError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UnusableModuleError";
  }
}
