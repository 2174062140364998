/** How a delay grows from one failure to the next. */
export interface BackoffPolicy {
  readonly initialMs: number;
  readonly maxMs: number;
  /** Good behaviour for this long starts again at `initialMs`. */
  readonly resetAfterMs: number;
}

/** The kubelet's crash and image-pull back-off: 10 s doubling to 300 s, forgotten after 10 minutes. */
export const KUBELET_BACKOFF: BackoffPolicy = { initialMs: 10_000, maxMs: 300_000, resetAfterMs: 600_000 };

/** Delay before the attempt that follows the `failures`-th failure in a row; 0 when there was none. */
export function backoffDelayMs(policy: BackoffPolicy, failures: number): number {
  if (failures <= 0) return 0;
  return Math.min(policy.maxMs, policy.initialMs * 2 ** Math.min(failures - 1, 30));
}
