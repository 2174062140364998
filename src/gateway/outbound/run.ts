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
  /** Called once, when it is closed: gives back what it was charged for. */
  readonly release: () => void;
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
  #isClosed = false;

  constructor(allowedHosts: readonly string[], maxOpenResponses: number = DEFAULT_MAX_OPEN_RESPONSES) {
    this.allowedHosts = allowedHosts;
    this.maxOpenResponses = maxOpenResponses;
  }

  get openResponses(): number {
    return this.#responses?.size ?? 0;
  }

  /** Aborts when the run has ended. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#isClosed) this.#abort.abort(ended());
    return this.#abort.signal;
  }

  /** Keeps a response and answers its handle; handles count from 0 and none is used twice. Not to be called on a closed run. */
  open(response: OpenResponse): number {
    const handle = this.#nextHandle;
    this.#nextHandle += 1;
    (this.#responses ??= new Map()).set(handle, response);
    return handle;
  }

  response(handle: number): OpenResponse | undefined {
    return this.#responses?.get(handle);
  }

  /** Nothing happens for a handle that is not open. */
  closeResponse(handle: number): void {
    const response = this.#responses?.get(handle);
    if (!response) return;
    this.#responses?.delete(handle);
    response.release();
  }

  close(): void {
    this.#isClosed = true;
    this.#abort?.abort(ended());
    for (const handle of this.#responses?.keys() ?? []) this.closeResponse(handle);
  }
}

function ended(): Error {
  return new Error("The run that made this call has ended");
}
