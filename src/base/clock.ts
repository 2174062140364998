/** Time, passed in so that tests need not wait for it. */
export interface Clock {
  /** Wall time in milliseconds since 1970, for what people read. */
  now(): number;
  /** Monotonic time in milliseconds, for durations and deadlines. */
  monotonic(): number;
  /** Calls `run` once after `delayMs`; disposing the timer before that cancels it. The timer does not keep the process alive. */
  after(delayMs: number, run: () => void): Disposable;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};

/** Resolves after `delayMs`, or rejects with the signal's reason as soon as it is aborted. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  if (signal?.aborted) return Promise.reject(signal.reason as Error);
  const abort = () => {
    timer[Symbol.dispose]();
    reject(signal?.reason as Error);
  };
  const timer = clock.after(delayMs, () => {
    signal?.removeEventListener("abort", abort);
    resolve();
  });
  signal?.addEventListener("abort", abort, { once: true });
  return promise;
}
