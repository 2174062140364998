/** When checks call the host, and what it then means. Replaced in tests, to end a run at each of its checks in turn. */
export interface SlicePolicy {
  /** The epoch up to which a guest may run without being asked, when it has `allowedMs` left. */
  until(epoch: number, allowedMs: number): number;
  /** Whether a slice of `sliceMs` is over when `spentMs` of it have passed. */
  isOver(spentMs: number, sliceMs: number): boolean;
}

/** Slices of the guest's own time. The epoch may run ahead of a thread that had to wait for its core, so both count. */
export const TIMED_SLICES: SlicePolicy = {
  until: (epoch, allowedMs) => (epoch + Math.max(0, Math.ceil(allowedMs))) | 0,
  isOver: (spentMs, sliceMs) => spentMs >= sliceMs,
};
