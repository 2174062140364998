// What can happen to a run at each of its checks, and an engine in which it happens.
import type { Clock } from "../../base/index.ts";
import type { Engine } from "../engine.ts";
import type { Strategy } from "../instance/memory-restorer.ts";
import type { SlicePolicy } from "../scheduling/slice-policy.ts";
import { testEngine } from "./fixture.ts";

/** Checks call the host each time; at number `at` something happens. */
class CountingPolicy implements SlicePolicy {
  checks = 0;
  at = 0;
  happen: () => boolean = () => false;

  until(epoch: number): number {
    return (epoch - 1) | 0;
  }

  isOver(): boolean {
    this.checks++;
    return this.checks === this.at && this.happen();
  }
}

/** A clock that creeps, and moves past all deadlines when told to. */
class ExpiringClock implements Clock {
  #now = 0;
  readonly #timers = new Set<() => void>();

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    this.#now += 0.01;
    return this.#now;
  }

  after(_delayMs: number, run: () => void): Disposable {
    this.#timers.add(run);
    return { [Symbol.dispose]: () => void this.#timers.delete(run) };
  }

  expire(): void {
    this.#now += DEADLINE_MS;
    const due = [...this.#timers];
    this.#timers.clear();
    for (const run of due) run();
  }
}

export const DEADLINE_MS = 1000;

export interface World {
  readonly engine: Engine;
  readonly policy: CountingPolicy;
  readonly clock: ExpiringClock;
}

export function worldWith(strategy: Strategy): World {
  const policy = new CountingPolicy();
  const clock = new ExpiringClock();
  const settings = { strategy, nestedCallMs: Infinity, abandonMs: { burst: 1e9, perSecond: 1e9 } };
  const engine = testEngine({ clock, settings, testing: { slices: policy } });
  return { engine, policy, clock };
}

export interface Disturbance {
  readonly name: string;
  /** In the sliced lane from the start. */
  readonly live: boolean;
  /** Whether the run ends with it. */
  readonly kills: boolean;
  /** At the chosen check; answers whether the slice is over. */
  happen(world: World): boolean;
}

export const DISTURBANCES: readonly Disturbance[] = [
  { name: "abandoned and replayed", live: false, kills: false, happen: () => true },
  { name: "killed in the fast lane", live: false, kills: true, happen: expireNow },
  { name: "suspended", live: true, kills: false, happen: () => true },
  { name: "killed in the sliced lane", live: true, kills: true, happen: expireNow },
  { name: "killed while suspended", live: true, kills: true, happen: expireSoon },
];

function expireNow({ clock }: World): boolean {
  clock.expire();
  return false;
}

function expireSoon({ clock }: World): boolean {
  queueMicrotask(() => clock.expire());
  return true;
}
