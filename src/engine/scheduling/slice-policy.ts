/** When checks call the host, and what it then means. Replaced in tests, to end a run at each of its checks in turn. */
export interface SlicePolicy {
  /** The epoch up to which a guest may run without being asked, when it has `allowedMs` left. */
  until(epoch: number, allowedMs: number): number;
  /** Whether a slice of which `spentMs` have passed is over. */
  isOver(spentMs: number): boolean;
}

/** Slices of `sliceMs` of the guest's own time. The epoch may run ahead of a thread that had to wait for its core, so both count. */
export function timedSlices(sliceMs: number): SlicePolicy {
  return {
    until: (epoch, allowedMs) => (epoch + Math.max(0, Math.ceil(Math.min(allowedMs, sliceMs)))) | 0,
    isOver: (spentMs) => spentMs >= sliceMs,
  };
}
