import { closeSync } from "node:fs";
import { availableParallelism } from "node:os";
import { backoffDelayMs, type BackoffPolicy, sleep } from "../../base/index.ts";
import { duplicate } from "../channel/index.ts";
import type { Notice, Request } from "../protocol.ts";
import { type ClientNotice, type ResultOf, type ShimClient, ShimError, type ShimOptions } from "../shim-client.ts";
import { type Recorded, StateRecord } from "../state/record.ts";
import { ConnectionLostError, ShimConnection } from "./connection.ts";
import { Standby } from "./standby.ts";

/** The uid and gid that name nobody on every Linux system. */
export const DEFAULT_SHIM_ID = 65_534;

/** A shim that dies once is started again at once; one that keeps dying is given time, for the machine's sake. */
const RESTART_BACKOFF: BackoffPolicy = { initialMs: 100, maxMs: 10_000, resetAfterMs: 60_000 };
/** Requests wait for a new shim no longer than this. */
const MAX_OUTAGE_MS = 15_000;
/** A request during which shims die so often is refused: it may be what kills them. */
const MAX_ATTEMPTS = 2;
/** As of a process that was killed. */
const LOST_EXIT_CODE = 137;

/**
 * Starts a shim process and keeps one running: when it dies, another is started at once and given all that was loaded, listening
 * and serving. Rejects when the first one does not come up.
 */
export async function startShim(options: ShimOptions): Promise<ShimClient> {
  const shim = new SupervisedShim(options);
  await shim.start();
  return shim;
}

class SupervisedShim implements ShimClient {
  readonly #options: ShimOptions;
  readonly #record = new StateRecord();
  /** Containers that a dead shim takes along: commands, and WAGI containers that are being stopped. */
  readonly #mortal = new Set<string>();
  readonly #standby: Standby | undefined;
  #connection: ShimConnection | undefined;
  #up = Promise.withResolvers<ShimConnection>();
  #supervision: Promise<void> = Promise.resolve();
  readonly #closing = new AbortController();

  constructor(options: ShimOptions) {
    this.#options = options;
    if (options.standby) {
      const told = (error: unknown) => options.log.error("standby shim did not start", { reason: String(error) });
      this.#standby = new Standby(
        () => this.#open(),
        (error) => {
          if (!this.#closing.signal.aborted) told(error);
        },
      );
    }
    options.signal?.addEventListener("abort", () => void this.close(), { once: true });
  }

  get pid(): number | undefined {
    return this.#connection?.pid;
  }

  async start(): Promise<void> {
    const connection = await this.#open();
    this.#serve(connection);
    this.#supervision = this.#supervise(connection);
  }

  async request<R extends Request>(request: R, fds: readonly number[] = []): Promise<ResultOf<R>> {
    const kept = fds.map(duplicate);
    try {
      const entry = await this.#attempt({ request, fds: kept });
      release(this.#record.add(entry));
      return entry.result as ResultOf<R>;
    } catch (error) {
      release(kept);
      throw error;
    }
  }

  async close(): Promise<void> {
    if (!this.#closing.signal.aborted) {
      this.#closing.abort();
      this.#up.promise.catch(() => {});
      this.#up.reject(closedError());
      this.#connection?.kill("the client was closed");
      release(this.#record.clear());
    }
    await this.#supervision;
  }

  async #attempt(entry: Recorded): Promise<Recorded> {
    for (let attempt = 1; ; attempt += 1) {
      const connection = await this.#whenUp();
      try {
        this.#prepare(entry.request);
        return await ask(connection, entry);
      } catch (error) {
        if (!(error instanceof ConnectionLostError)) {
          this.#unprepare(entry.request);
          throw error;
        }
        // After this the supervisor has taken note, so that the next attempt waits for the next shim.
        await connection.ended;
        if (this.#closing.signal.aborted) throw closedError();
        if (entry.request.op === "stop-container") return entry;
        if (entry.request.op === "start-command" || attempt === MAX_ATTEMPTS) {
          throw new ShimError("internal", error.message, { cause: error });
        }
      }
    }
  }

  /** Notes what a shim takes along if it dies from now on. */
  #prepare(request: Request): void {
    if (request.op === "start-command") this.#mortal.add(request.container.id);
    if (request.op === "stop-container") this.#mortal.add(request.container);
  }

  #unprepare(request: Request): void {
    if (request.op === "start-command") this.#mortal.delete(request.container.id);
    if (request.op === "stop-container") this.#mortal.delete(request.container);
  }

  async #whenUp(): Promise<ShimConnection> {
    const late = Promise.withResolvers<never>();
    using _ = this.#options.clock.after(MAX_OUTAGE_MS, () =>
      late.reject(new ShimError("internal", `No shim process has been running for ${MAX_OUTAGE_MS} ms`)),
    );
    return await Promise.race([this.#up.promise, late.promise]);
  }

  #open(): Promise<ShimConnection> {
    const { workers = availableParallelism(), uid, gid, log, clock } = this.#options;
    const identity = { uid: uid ?? DEFAULT_SHIM_ID, gid: gid ?? uid ?? DEFAULT_SHIM_ID };
    const connection: Promise<ShimConnection> = ShimConnection.open({
      workers,
      settings: this.#options.settings ?? {},
      identity,
      log,
      clock,
      signal: this.#closing.signal,
      onNotice: (notice) => void connection.then((open) => this.#takeNotice(open, notice)),
    });
    return connection;
  }

  #serve(connection: ShimConnection): void {
    this.#connection = connection;
    this.#up.resolve(connection);
    this.#standby?.prepare();
  }

  /** Until the client is closed: waits for the shim's end, then brings up the next one. */
  async #supervise(first: ShimConnection): Promise<void> {
    const { clock, log } = this.#options;
    let failures = 0;
    for (let connection = first; ;) {
      const startedAt = clock.monotonic();
      const reason = await connection.ended;
      if (this.#closing.signal.aborted) return;
      const diedAt = clock.monotonic();
      log.error("shim process died", { reason, pid: connection.pid });
      this.#connection = undefined;
      this.#up = Promise.withResolvers();
      this.#loseContainers(reason);
      failures = diedAt - startedAt > RESTART_BACKOFF.resetAfterMs ? 0 : failures;
      const next = await this.#restart(failures);
      if (!next) return;
      failures = next.failures + 1;
      connection = next.connection;
      void this.#notify({ event: "shim-restarted", reason, downMs: clock.monotonic() - diedAt });
    }
  }

  async #restart(previous: number): Promise<{ connection: ShimConnection; failures: number } | undefined> {
    const { clock, log } = this.#options;
    for (let failures = previous; ; failures += 1) {
      try {
        await sleep(clock, backoffDelayMs(RESTART_BACKOFF, failures), this.#closing.signal);
        const connection = (await this.#standby?.take()) ?? (await this.#open());
        await this.#replay(connection);
        this.#serve(connection);
        return { connection, failures };
      } catch (error) {
        if (this.#closing.signal.aborted) return undefined;
        log.error("shim process did not come back", { reason: String(error), failures });
      }
    }
  }

  /** Gives a new shim everything. A container that it refuses has ended. */
  async #replay(connection: ShimConnection): Promise<void> {
    for (const step of this.#record.replay()) {
      await Promise.all(
        step.map(async (entry) => {
          try {
            await ask(connection, entry);
          } catch (error) {
            if (!(error instanceof ShimError)) throw error;
            this.#loseEntry(entry, error.message);
          }
        }),
      );
    }
  }

  #loseEntry({ request }: Recorded, why: string): void {
    this.#options.log.error("shim refused what it served before", { op: request.op, why });
    if (request.op === "start-wagi") this.#end(request.container.id, `The restarted shim process refused it: ${why}`);
  }

  #loseContainers(reason: string): void {
    const lost = [...this.#mortal];
    for (const container of lost) this.#end(container, `The shim process that ran it died: ${reason}`);
  }

  #end(container: string, message: string): void {
    this.#forget(container);
    void this.#notify({ event: "exited", container, exit: { exitCode: LOST_EXIT_CODE, reason: "Error", message } });
  }

  #forget(container: string): void {
    this.#mortal.delete(container);
    release(this.#record.removeContainer(container));
  }

  #takeNotice(connection: ShimConnection, notice: Notice): void {
    if (notice.event === "ready") return;
    if (notice.event === "exited") this.#forget(notice.container);
    const taken = this.#notify(notice);
    if (notice.event !== "log") return;
    const { container, text } = notice;
    void taken.then(() => connection.logWritten(container, text.length));
  }

  /** Never rejects: what goes wrong with a notice is the taker's, and must not stop the others. */
  async #notify(notice: ClientNotice): Promise<void> {
    try {
      await this.#options.onNotice(notice);
    } catch (error) {
      this.#options.log.error("notice of the shim was not taken", { event: notice.event, error: String(error) });
    }
  }
}

async function ask(connection: ShimConnection, entry: Recorded): Promise<Recorded> {
  const reply = await connection.request(entry.request, entry.fds);
  if (!reply.ok) throw new ShimError(reply.code, reply.message);
  return reply.result === undefined ? entry : { ...entry, result: reply.result };
}

function release(fds: readonly number[]): void {
  for (const fd of fds) closeSync(fd);
}

function closedError(): ShimError {
  return new ShimError("closed", "The shim client was closed");
}
