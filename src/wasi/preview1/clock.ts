import { Errno } from "./errno.ts";
import type { FunctionTable } from "./function-table.ts";
import type { GuestProcess } from "./guest-process.ts";

/** Clocks of preview 1. */
export const ClockId = { REALTIME: 0, MONOTONIC: 1, PROCESS_CPU: 2, THREAD_CPU: 3 } as const;

const NS_PER_MS = 1_000_000n;
const REALTIME_RESOLUTION_NS = 1_000_000n;
const OTHER_RESOLUTION_NS = 1_000n;

/** Time of a clock in nanoseconds, or undefined for a clock that does not exist. */
export function clockNs(process: GuestProcess, clock: number): bigint | undefined {
  switch (clock) {
    case ClockId.REALTIME:
      return BigInt(Math.round(process.settings.clock.now())) * NS_PER_MS;
    case ClockId.MONOTONIC:
      return BigInt(Math.round(process.settings.clock.monotonic() * 1e6));
    case ClockId.PROCESS_CPU:
    case ClockId.THREAD_CPU:
      return BigInt(Math.round(process.settings.cpuTimeMs() * 1e6));
    default:
      return undefined;
  }
}

/** Clocks. CPU time is that of the thread the guest runs on. */
export const clockFunctions: FunctionTable = {
  /** Smallest step of a clock: 1 ms for real time, else 1 us. EINVAL: no such clock. EFAULT: the pointer is outside the memory. */
  clock_res_get: (process) => (clock: number, pointer: number) => {
    pointer >>>= 0;
    clock >>>= 0;
    if (clock > ClockId.THREAD_CPU) return Errno.INVAL;
    if (!process.memory.has(pointer, 8)) return Errno.FAULT;
    process.memory.view.setBigUint64(
      pointer,
      clock === ClockId.REALTIME ? REALTIME_RESOLUTION_NS : OTHER_RESOLUTION_NS,
      true,
    );
    return Errno.SUCCESS;
  },

  /** Time of a clock in nanoseconds; the wanted precision is not used. EINVAL: no such clock. EFAULT: the pointer is outside the memory. */
  clock_time_get: (process) => (clock: number, _precision: bigint, pointer: number) => {
    pointer >>>= 0;
    const ns = clockNs(process, clock);
    if (ns === undefined) return Errno.INVAL;
    if (!process.memory.has(pointer, 8)) return Errno.FAULT;
    process.memory.view.setBigUint64(pointer, ns, true);
    return Errno.SUCCESS;
  },
};
