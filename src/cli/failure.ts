/** Exit codes of every command; docs/reference/cli.md. */
export const EXIT = { ok: 0, failed: 1, badInput: 2, interrupted: 130 } as const;

/** An error whose message is meant for the person at the terminal: shown without a stack trace. */
export class Failure extends Error {
  readonly exitCode: number;

  constructor(message: string, options: ErrorOptions & { readonly exitCode?: number } = {}) {
    super(message, options);
    this.name = "Failure";
    this.exitCode = options.exitCode ?? EXIT.failed;
  }
}

/** Bad arguments, manifests or references: nothing was started. */
export function badInput(message: string, options?: ErrorOptions): Failure {
  return new Failure(message, { ...options, exitCode: EXIT.badInput });
}
