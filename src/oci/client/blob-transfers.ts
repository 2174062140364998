import type { BlobId } from "../store/blob-folder.ts";

/** Tells how many bytes of a blob have come. */
export type BytesListener = (receivedBytes: number) => void;

interface Transfer {
  readonly done: Promise<void>;
  readonly listeners: Set<BytesListener>;
  readonly controller: AbortController;
  waiters: number;
  receivedBytes: number;
}

type Run = (tell: BytesListener, signal: AbortSignal) => Promise<void>;

/**
 * One download per digest at a time, however many ask for it, and no more than `maxParallel` in all. A download ends early only
 * when everybody who waited for it has gone.
 */
export class BlobTransfers {
  readonly #maxParallel: number;
  readonly #transfers = new Map<string, Transfer>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(maxParallel: number) {
    this.#maxParallel = maxParallel;
  }

  /** Joins the transfer of a blob, or starts it with `run`. */
  async join({ digest }: BlobId, run: Run, listener: BytesListener, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const transfer = this.#transfers.get(digest) ?? this.#start(digest, run);
    transfer.waiters += 1;
    transfer.listeners.add(listener);
    listener(transfer.receivedBytes);
    try {
      await untilAborted(transfer.done, signal);
    } finally {
      transfer.listeners.delete(listener);
      transfer.waiters -= 1;
      if (transfer.waiters === 0) this.#abandon(digest, transfer);
    }
  }

  #start(digest: string, run: Run): Transfer {
    const controller = new AbortController();
    const listeners = new Set<BytesListener>();
    const tell: BytesListener = (receivedBytes) => {
      transfer.receivedBytes = receivedBytes;
      for (const listener of listeners) listener(receivedBytes);
    };
    const done = this.#whenFree(() => run(tell, controller.signal), controller.signal).finally(() => {
      if (this.#transfers.get(digest) === transfer) this.#transfers.delete(digest);
    });
    const transfer: Transfer = { done, listeners, controller, waiters: 0, receivedBytes: 0 };
    // When all waiters have gone nobody looks at how it ended.
    done.catch(() => {});
    this.#transfers.set(digest, transfer);
    return transfer;
  }

  /** Forgets it at once, so that who comes now starts afresh rather than joining one that is ending. */
  #abandon(digest: string, transfer: Transfer): void {
    if (this.#transfers.get(digest) === transfer) this.#transfers.delete(digest);
    transfer.controller.abort(new Error("Nobody waits for this blob any more"));
  }

  async #whenFree(run: () => Promise<void>, signal: AbortSignal): Promise<void> {
    if (this.#running >= this.#maxParallel) await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      signal.throwIfAborted();
      await run();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}

function untilAborted(done: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return done;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = () => reject(signal.reason as Error);
  signal.addEventListener("abort", abort, { once: true });
  void done.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  return promise;
}
