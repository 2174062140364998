/** Import module name, and the key of a run's state in `Invocation.host`. */
export const EXPERIMENTAL_HTTP = "wasi_experimental_http";

/** Most responses a run may hold open where its container does not say. Threat: memory. @default 64 -> code 13 */
export const DEFAULT_MAX_OPEN_RESPONSES = 64;

/** A response that a guest has not closed. */
export interface OpenResponse {
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  /** How much of the body the guest has read. */
  offset: number;
}

/**
 * What one run of a guest may call and holds open. Whoever starts a run makes it, gives it in `Invocation.host` and closes it when
 * the run has ended: then calls under way are given up and bodies are freed.
 */
export class OutboundRun {
  readonly allowedHosts: readonly string[];
  readonly maxOpenResponses: number;
  #responses: Map<number, OpenResponse> | undefined;
  #abort: AbortController | undefined;
  #nextHandle = 0;
  #release: ((bytes: number) => void) | undefined;

  constructor(allowedHosts: readonly string[], maxOpenResponses: number = DEFAULT_MAX_OPEN_RESPONSES) {
    this.allowedHosts = allowedHosts;
    this.maxOpenResponses = maxOpenResponses;
  }

  get openResponses(): number {
    return this.#responses?.size ?? 0;
  }

  /** Aborts when the run has ended. */
  get signal(): AbortSignal {
    return (this.#abort ??= new AbortController()).signal;
  }

  /** Keeps a response and answers its handle; `release` gets the bytes of its body when it is closed. */
  open(response: OpenResponse, release: (bytes: number) => void): number {
    const handle = this.#nextHandle;
    this.#nextHandle += 1;
    (this.#responses ??= new Map()).set(handle, response);
    this.#release = release;
    return handle;
  }

  response(handle: number): OpenResponse | undefined {
    return this.#responses?.get(handle);
  }

  closeResponse(handle: number): void {
    const response = this.#responses?.get(handle);
    if (!response) return;
    this.#responses?.delete(handle);
    this.#release?.(response.body.length);
  }

  close(): void {
    this.#abort?.abort(new Error("The run that made this call has ended"));
    for (const handle of this.#responses?.keys() ?? []) this.closeResponse(handle);
  }
}
