import { ClockId, clockNs } from "./clock.ts";
import { Errno } from "./errno.ts";
import type { FunctionTable } from "./function-table.ts";
import type { GuestProcess } from "./guest-process.ts";
import type { InputStream } from "./input-stream.ts";
import { WouldBlock } from "./unwinding.ts";

const EVENT_BYTES = 32;
const EventType = { CLOCK: 0, FD_READ: 1, FD_WRITE: 2 } as const;
const ABSOLUTE = 1;
const HANGUP = 1;
const NS_PER_MS = 1e6;
/** Longest single sleep; longer waits are made of several. */
const MAX_SLEEP_MS = 1_000_000_000;

/** Where the fields of a subscription lie; `wasi_unstable` puts a second user data before its clock. */
interface SubscriptionLayout {
  readonly bytes: number;
  readonly clock: number;
  readonly timeout: number;
  readonly flags: number;
}

const PREVIEW: SubscriptionLayout = { bytes: 48, clock: 16, timeout: 24, flags: 40 };
const UNSTABLE: SubscriptionLayout = { bytes: 56, clock: 24, timeout: 32, flags: 48 };

type Subscription =
  | { readonly kind: "clock"; readonly userData: bigint; readonly atMs: number }
  | { readonly kind: "fd"; readonly userData: bigint; readonly type: number; readonly fd: number }
  | { readonly kind: "fault"; readonly userData: bigint; readonly type: number; readonly errno: number };

interface Event {
  readonly userData: bigint;
  readonly type: number;
  readonly errno: number;
  readonly bytes: bigint;
  readonly flags: number;
}

/** Waiting. */
export const pollFunctions: FunctionTable = {
  /**
   * Waits until one of the subscriptions has an event and tells all that have one. EINVAL: none, or more than the limit.
   * EFAULT: a pointer is outside the memory. Faults of one subscription are in its event: EBADF: not open. EINVAL: a clock that
   * cannot be waited for, or an unknown type.
   */
  poll_oneoff: (process) => (input: number, output: number, count: number, size: number) =>
    poll(process, PREVIEW, { input: input >>> 0, output: output >>> 0, count: count >>> 0, size: size >>> 0 }),
};

/** What differs in `wasi_unstable`. */
export const unstablePollFunctions: FunctionTable = {
  poll_oneoff: (process) => (input: number, output: number, count: number, size: number) =>
    poll(process, UNSTABLE, { input: input >>> 0, output: output >>> 0, count: count >>> 0, size: size >>> 0 }),
};

interface Pointers {
  readonly input: number;
  readonly output: number;
  readonly count: number;
  readonly size: number;
}

function poll(process: GuestProcess, layout: SubscriptionLayout, at: Pointers): number | Promise<number> {
  const { memory, settings } = process;
  if (at.count === 0 || at.count > settings.limits.subscriptions) return Errno.INVAL;
  const hasRoom =
    memory.has(at.input, at.count * layout.bytes) &&
    memory.has(at.output, at.count * EVENT_BYTES) &&
    memory.has(at.size, 4);
  if (!hasRoom) return Errno.FAULT;
  const subscriptions = Array.from({ length: at.count }, (_, index) =>
    readSubscription(process, layout, at.input + index * layout.bytes),
  );
  return wait(process, subscriptions, at);
}

function wait(process: GuestProcess, subscriptions: readonly Subscription[], at: Pointers): number | Promise<number> {
  const nowMs = process.settings.clock.monotonic();
  const events = subscriptions.flatMap((each) => eventOf(process, each, nowMs) ?? []);
  if (events.length > 0) return write(process, events, at);
  const nextMs = Math.min(
    ...subscriptions.map((each) => (each.kind === "clock" ? each.atMs : Infinity)),
    nowMs + MAX_SLEEP_MS,
  );
  if (process.settings.mode === "blocking") {
    // Nothing arrives on a thread that sleeps: without a clock that would be for ever.
    if (!subscriptions.some((each) => each.kind === "clock")) return process.waitsInVain();
    sleepHere(nextMs - nowMs);
    return wait(process, subscriptions, at);
  }
  if (process.settings.mode === "fast") throw new WouldBlock("wait");
  return waitSuspended(process, nextMs - nowMs, waitedFor(process, subscriptions)).then(() =>
    wait(process, subscriptions, at),
  );
}

/** Blocks the thread: only where nothing else runs on it. */
function sleepHere(delayMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, delayMs);
}

/** Until the time is up or one of the streams has something. */
async function waitSuspended(process: GuestProcess, delayMs: number, streams: readonly InputStream[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const stream of streams) stream.onArrival = resolve;
  using _ = process.settings.clock.after(Math.ceil(delayMs), resolve);
  await process.suspend(promise);
}

/** Streams whose arrival ends the wait. */
function waitedFor(process: GuestProcess, subscriptions: readonly Subscription[]): readonly InputStream[] {
  return subscriptions.flatMap((each) => {
    const descriptor = each.kind === "fd" && each.type === EventType.FD_READ ? process.fds.get(each.fd) : undefined;
    return descriptor?.kind === "input" ? [descriptor.stream] : [];
  });
}

/** What a subscription has to tell now. */
function eventOf(process: GuestProcess, subscription: Subscription, nowMs: number): Event | undefined {
  const { userData } = subscription;
  switch (subscription.kind) {
    case "fault":
      return { userData, type: subscription.type, errno: subscription.errno, bytes: 0n, flags: 0 };
    case "clock":
      return subscription.atMs <= nowMs
        ? { userData, type: EventType.CLOCK, errno: 0, bytes: 0n, flags: 0 }
        : undefined;
    case "fd":
      return fdEvent(process, subscription);
  }
}

function fdEvent(
  process: GuestProcess,
  { userData, type, fd }: Extract<Subscription, { kind: "fd" }>,
): Event | undefined {
  const descriptor = process.fds.get(fd);
  const event = { userData, type, errno: Errno.SUCCESS, bytes: 0n, flags: 0 };
  if (!descriptor) return { ...event, errno: Errno.BADF };
  if (descriptor.kind !== "input" || type === EventType.FD_WRITE) return { ...event, bytes: 1n };
  const ready = descriptor.stream.peek(process.settings.limits.ioBytes);
  if (typeof ready !== "number") return undefined;
  return { ...event, bytes: BigInt(ready), flags: ready === 0 ? HANGUP : 0 };
}

function readSubscription(process: GuestProcess, layout: SubscriptionLayout, pointer: number): Subscription {
  const { view } = process.memory;
  const userData = view.getBigUint64(pointer, true);
  const type = view.getUint8(pointer + 8);
  switch (type) {
    case EventType.CLOCK:
      return readClock(process, layout, pointer, userData);
    case EventType.FD_READ:
    case EventType.FD_WRITE:
      return { kind: "fd", userData, type, fd: view.getUint32(pointer + 16, true) };
    default:
      return { kind: "fault", userData, type, errno: Errno.INVAL };
  }
}

function readClock(process: GuestProcess, layout: SubscriptionLayout, pointer: number, userData: bigint): Subscription {
  const { view } = process.memory;
  const clock = view.getUint32(pointer + layout.clock, true);
  if (clock > ClockId.MONOTONIC) return { kind: "fault", userData, type: EventType.CLOCK, errno: Errno.INVAL };
  const timeout = view.getBigUint64(pointer + layout.timeout, true);
  const isAbsolute = (view.getUint16(pointer + layout.flags, true) & ABSOLUTE) !== 0;
  const delayNs = isAbsolute ? timeout - (clockNs(process, clock) ?? 0n) : timeout;
  return { kind: "clock", userData, atMs: process.settings.clock.monotonic() + Number(delayNs) / NS_PER_MS };
}

function write(process: GuestProcess, events: readonly Event[], { output, count, size }: Pointers): number {
  const { memory } = process;
  // The memory may have grown while the guest waited, never shrunk; the views must be those of now.
  if (!memory.has(output, count * EVENT_BYTES) || !memory.has(size, 4)) return Errno.FAULT;
  const { bytes, view } = memory;
  for (const [index, event] of events.entries()) {
    const at = output + index * EVENT_BYTES;
    bytes.fill(0, at, at + EVENT_BYTES);
    view.setBigUint64(at, event.userData, true);
    view.setUint16(at + 8, event.errno, true);
    view.setUint8(at + 10, event.type);
    view.setBigUint64(at + 16, event.bytes, true);
    view.setUint16(at + 24, event.flags, true);
  }
  view.setUint32(size, events.length, true);
  return Errno.SUCCESS;
}
