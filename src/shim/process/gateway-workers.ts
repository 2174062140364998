import { backoffDelayMs, type BackoffPolicy, type Clock, sleep } from "../../base/index.ts";
import { GatewayThread, type GatewayThreadOptions, WorkerLostError } from "./gateway-thread.ts";
import { BEAT_INTERVAL_MS, RefusedError, type WorkerRequest, type WorkerResult } from "./worker-protocol.ts";

/** A worker whose loop has not turned for this long is replaced. Ordinary guests yield every 10 ms; a busy machine is no reason. */
export const HANG_TIMEOUT_MS = 5_000;
/** A check that comes this late was itself held up (a suspended machine), and says nothing about the workers. */
const MAX_LATENESS_MS = 2 * BEAT_INTERVAL_MS;
/** After so many starts in a row that failed the process gives up, and the runtime starts another. */
const MAX_FAILED_STARTS = 5;
/** A request during which so many workers ended in one place is refused: it may be what ends them. */
const MAX_ATTEMPTS = 3;
const RESTART_BACKOFF: BackoffPolicy = { initialMs: 50, maxMs: 2_000, resetAfterMs: 10_000 };

export interface GatewayWorkersOptions extends GatewayThreadOptions {
  readonly clock: Clock;
  /** Everything a new worker must be asked, in steps; all of one step may be asked at once. */
  readonly replay: () => readonly (readonly WorkerRequest[])[];
  readonly onReplaced: (reason: string, lostRequests: number) => void;
  /** Workers do not start any more. */
  readonly onHopeless: (error: Error) => void;
}

interface Place {
  thread: GatewayThread;
  /** Resolves to the thread when it has everything. */
  ready: Promise<GatewayThread>;
  lastBeat: number;
  lastBeatAt: number;
}

/** The gateway workers, each replaced when it ends or hangs. */
export class GatewayWorkers {
  readonly #options: GatewayWorkersOptions;
  readonly #places: Place[] = [];
  #isClosing = false;

  private constructor(options: GatewayWorkersOptions) {
    this.#options = options;
  }

  /** Resolves when all workers answer. */
  static async start(options: GatewayWorkersOptions): Promise<GatewayWorkers> {
    const workers = new GatewayWorkers(options);
    for (let index = 0; index < options.count; index += 1) workers.#places.push(workers.#open());
    await Promise.all(workers.#places.map((place) => place.ready));
    for (const place of workers.#places) void workers.#keep(place);
    workers.#watch(options.clock.monotonic());
    return workers;
  }

  /** Asks one worker, once: what ends a worker here is refused. */
  async askOne(request: WorkerRequest): Promise<WorkerResult> {
    const [place] = this.#places;
    if (!place) throw new RefusedError("internal", "There is no worker");
    const thread = await place.ready;
    try {
      return await thread.ask(request);
    } catch (error) {
      throw error instanceof WorkerLostError ? new RefusedError("internal", error.message, { cause: error }) : error;
    }
  }

  /**
   * Asks every worker, and again those that were replaced meanwhile, so that when it resolves each worker has answered that is
   * there now. `onDone` is called at that very moment: what it notes will be part of the next replay.
   */
  async askAll(request: WorkerRequest, onDone: () => void = () => {}): Promise<readonly WorkerResult[]> {
    const answers = new Map<GatewayThread, WorkerResult>();
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      await Promise.all(
        this.#places.map(async (place) => {
          const thread = await place.ready;
          if (answers.has(thread)) return;
          try {
            answers.set(thread, await thread.ask(request));
          } catch (error) {
            if (!(error instanceof WorkerLostError)) throw error;
            await thread.ended;
          }
        }),
      );
      if (this.#places.every(({ thread }) => answers.has(thread))) {
        onDone();
        return [...answers.values()];
      }
    }
    throw new RefusedError("internal", `Workers ended ${MAX_ATTEMPTS} times while they were asked to ${request.op}`);
  }

  /** Ends a worker as if it had failed; resolves when its thread is gone. For tests. */
  async fail(index: number, reason: string): Promise<void> {
    const thread = this.#places[index]?.thread;
    thread?.terminate(reason);
    await thread?.ended;
  }

  close(): void {
    this.#isClosing = true;
    for (const { thread } of this.#places) thread.terminate("the shim ends");
  }

  #open(): Place {
    const thread = new GatewayThread(this.#options);
    const ready = this.#fill(thread);
    ready.catch(() => {});
    return { thread, ready, lastBeat: -1, lastBeatAt: this.#options.clock.monotonic() };
  }

  async #fill(thread: GatewayThread): Promise<GatewayThread> {
    await thread.ready;
    for (const step of this.#options.replay()) {
      await Promise.all(
        step.map((request) =>
          thread.ask(request).catch((error: unknown) => {
            if (error instanceof WorkerLostError) throw error;
          }),
        ),
      );
    }
    return thread;
  }

  /** Until the end: waits for the end of a place's thread, then puts another in its place. */
  async #keep(place: Place): Promise<void> {
    for (let failures = 0; ;) {
      const { thread } = place;
      const startedAt = this.#options.clock.monotonic();
      const reason = await thread.ended;
      if (this.#isClosing) return;
      failures = this.#options.clock.monotonic() - startedAt > RESTART_BACKOFF.resetAfterMs ? 0 : failures + 1;
      if (failures > MAX_FAILED_STARTS) {
        return this.#options.onHopeless(new Error(`Workers ended ${failures} times in a row: ${reason}`));
      }
      const lost = thread.running;
      const next = this.#reopen(failures - 1);
      place.ready = next.then((opened) => opened.ready);
      place.ready.catch(() => {});
      Object.assign(place, await next);
      await place.ready.catch(() => {});
      this.#options.onReplaced(reason, lost);
    }
  }

  async #reopen(failures: number): Promise<Place> {
    const delayMs = backoffDelayMs(RESTART_BACKOFF, failures);
    if (delayMs > 0) await sleep(this.#options.clock, delayMs);
    return this.#open();
  }

  /** Checks now and then that every loop turns. */
  #watch(previousAt: number): void {
    this.#options.clock.after(BEAT_INTERVAL_MS, () => {
      if (this.#isClosing) return;
      const now = this.#options.clock.monotonic();
      const isLate = now - previousAt > BEAT_INTERVAL_MS + MAX_LATENESS_MS;
      for (const place of this.#places) this.#checkBeat(place, now, isLate);
      this.#watch(now);
    });
  }

  #checkBeat(place: Place, now: number, isLate: boolean): void {
    const { beat } = place.thread;
    if (beat !== place.lastBeat || isLate) {
      place.lastBeat = beat;
      place.lastBeatAt = now;
    } else if (now - place.lastBeatAt > HANG_TIMEOUT_MS) {
      place.thread.terminate(`its loop has not turned for ${HANG_TIMEOUT_MS} ms`);
    }
  }
}
