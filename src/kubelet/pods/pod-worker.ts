import { sleep } from "../../base/index.ts";
import type { Pod } from "../api/index.ts";
import { podTitle, type Tell, type WorkerContext } from "../effects/context.ts";
import { runAction } from "../effects/run-action.ts";
import { wagiContainers } from "../manifests/wagi.ts";
import { nextStatusChange } from "../status/container-status.ts";
import { makeStatus, podOutcome } from "../status/make-status.ts";
import type { PodEvent, PodReport, PodStatus } from "../status/pod-status.ts";
import { removePodVolumes } from "../volumes/pod-volumes.ts";
import { actionKey, type Decision, decide, type PodAction } from "./decide.ts";
import { type Ending, newNotes, noteRuns, type PodNotes } from "./notes.ts";
import { newestStarted, NO_RUNTIME, type PodRuntime, readPodRuntime } from "./pod-runtime.ts";
import { Wakeup } from "./wakeup.ts";

/** A full look at a pod though nothing was heard of it (spec/kubelet.md L-02). */
const RESYNC_MS = 60_000;
/** After an error of the runtime's while it was asked. */
const RETRY_MS = 10_000;
/** After an error of an action that Kubernetes has no word for. */
const ACTION_RETRY_MS = 1000;

export interface PodWorkerContext extends WorkerContext {
  /** Called after each look at the pod, and when nothing of it is left. */
  readonly onLook: (worker: PodWorker) => void;
}

/** Whether a pod has the listening socket that its annotations ask for. */
export type ListenerState = "none" | "awaited" | "held";

/**
 * Keeps one pod as its spec says, from its first sandbox until nothing of it is left. One look at a time; what takes long runs beside and
 * wakes the worker when it ends.
 */
export class PodWorker {
  readonly pod: Pod;
  readonly #context: PodWorkerContext;
  readonly #wakeup: Wakeup;
  /** Actions under way, by key. */
  readonly #busy = new Map<string, Promise<void>>();
  #abort = new AbortController();
  #notes: PodNotes;
  #runtime: PodRuntime = NO_RUNTIME;
  #status: PodStatus;
  #stage: PodReport["stage"] = "waiting";
  #isFrozen = false;
  #areVolumesGone = false;
  #listener: ListenerState = "none";
  #takeoverFrom: () => string | undefined = () => undefined;
  /** Whether the newest sandbox was made without a listener of its own. */
  #awaitsListener = false;
  #isIdle = true;
  #isDeleted = false;
  #isGone = false;
  #loop: Promise<void> = Promise.resolve();
  readonly #told = new Map<string, string>();

  constructor(pod: Pod, context: PodWorkerContext) {
    this.pod = pod;
    this.#context = context;
    this.#wakeup = new Wakeup(context.clock);
    const { clock } = context;
    this.#notes = newNotes(clock.monotonic(), clock.now());
    this.#status = makeStatus(this.#source(), context.node);
  }

  get report(): PodReport {
    const sandboxId = this.#runtime.sandbox?.id;
    return {
      pod: this.pod,
      status: this.#status,
      stage: this.#stage,
      ...(sandboxId === undefined ? {} : { sandboxId }),
    };
  }

  get isStarted(): boolean {
    return this.#stage !== "waiting";
  }

  get isEnding(): boolean {
    return this.#notes.ending !== undefined || this.#notes.outcome !== undefined;
  }

  /** It is to be removed, and is not wanted again. */
  get isDeleted(): boolean {
    return this.#isDeleted;
  }

  get listener(): ListenerState {
    return this.#listener;
  }

  /** No action is under way, and the pod was looked at since the last one; once frozen, none will begin. */
  get isIdle(): boolean {
    return this.#isIdle;
  }

  /** Settles once nothing of the pod is left; at once when it was never started. */
  get finished(): Promise<void> {
    return this.#loop;
  }

  /** Begins. `takeoverFrom` answers whose sandbox's listener its sandbox is to wait for; asked when that is made. */
  start(takeoverFrom: () => string | undefined = () => undefined): void {
    if (this.#stage !== "waiting") return;
    const { clock } = this.#context;
    this.#notes = newNotes(clock.monotonic(), clock.now());
    this.#stage = "syncing";
    this.#takeoverFrom = takeoverFrom;
    this.#loop = this.#run();
  }

  /** Looks at the pod soon. */
  wake(): void {
    this.#wakeup.wake();
  }

  /** Its ConfigMaps or Secrets may have changed: volumes are made anew. */
  renewVolumes(): void {
    if (this.#stage !== "syncing" || this.isEnding || this.#notes.volumes === "none") return;
    this.#launch({ kind: "prepare-volumes" });
  }

  /** Begins nothing more and breaks off pulls; what runs goes on running. */
  freeze(): void {
    if (this.#isFrozen) return;
    this.#isFrozen = true;
    this.#abort.abort(new Error(`Pod ${podTitle(this.pod)} is replaced by a newer version`));
  }

  /** Undoes `freeze`. */
  resume(): void {
    if (!this.#isFrozen || this.isEnding) return;
    this.#isFrozen = false;
    this.#abort = new AbortController();
    this.wake();
  }

  /** Stops the pod within `graceSeconds`. A second call can only shorten the time. */
  end(cause: Ending["cause"], graceSeconds: number): void {
    const { ending } = this.#notes;
    const shortest = ending ? Math.min(ending.graceSeconds, graceSeconds) : graceSeconds;
    this.#notes = { ...this.#notes, ending: { cause: ending?.cause ?? cause, graceSeconds: shortest } };
    if (cause === "deleted") this.#isDeleted = true;
    if (this.#stage === "waiting") this.#isGone = true;
    if (this.#stage === "syncing" && cause === "deleted") this.#stage = "terminating";
    this.#abort.abort(new Error(`Pod ${podTitle(this.pod)} is being stopped`));
    this.wake();
  }

  /** Nothing of it is left, or it never began and will not. */
  get isGone(): boolean {
    return this.#isGone;
  }

  async #run(): Promise<void> {
    while (!this.#isGone) {
      this.#wakeup.reset();
      let waitMs: number;
      try {
        waitMs = await this.#look();
      } catch (error) {
        this.#context.log.error("pod could not be looked at", { pod: podTitle(this.pod), error: String(error) });
        waitMs = RETRY_MS;
      }
      if (!this.#isGone) await this.#wakeup.wait(waitMs);
    }
    this.#context.onLook(this);
  }

  /** One look; answers after how many milliseconds the next is due. */
  async #look(): Promise<number> {
    // What ends while the runtime is asked still counts as under way: its answer may be older.
    const busy = new Set(this.#busy.keys());
    const { runtime, clock, node } = this.#context;
    this.#runtime = await readPodRuntime(runtime, this.pod.metadata.uid);
    const now = clock.monotonic();
    this.#notes = noteRuns(this.#notes, this.#runtime, now);
    let status = makeStatus(this.#source(), node, this.#status);
    let decision = this.#decide(busy);
    const outcome = podOutcome(status, this.#source(), decision.isDone);
    if (outcome !== undefined && this.#notes.outcome === undefined) {
      this.#notes = { ...this.#notes, outcome };
      status = makeStatus(this.#source(), node, status);
      decision = this.#decide(busy);
    }
    this.#noteListener(busy);
    this.#status = status;
    this.#isIdle = busy.size === 0;
    for (const action of decision.actions) if (!this.#isFrozen || this.isEnding) this.#launch(action);
    this.#context.onLook(this);
    if (decision.isDone && this.#busy.size === 0) await this.#tidy();
    const next = Math.min(decision.wakeAt ?? Infinity, nextStatusChange(this.#notes, now) ?? Infinity);
    return Math.min(RESYNC_MS, Math.max(0, next - now));
  }

  #decide(busy: ReadonlySet<string>): Decision {
    return decide({ ...this.#source(), busy });
  }

  #source() {
    const { clock } = this.#context;
    const at = { now: clock.monotonic(), wallMs: clock.now() };
    return { pod: this.pod, runtime: this.#runtime, notes: this.#notes, ...at };
  }

  #noteListener(busy: ReadonlySet<string>): void {
    const modules = wagiContainers(this.pod);
    const { sandbox } = this.#runtime;
    if (modules.length === 0 || !sandbox?.isReady) this.#listener = "none";
    else if (!this.#awaitsListener || this.#listener === "held") this.#listener = "held";
    else {
      const serves = modules.every(
        (name) => newestStarted(this.#runtime, name)?.state.kind === "running" && !busy.has(`start ${name}`),
      );
      this.#listener = serves ? "held" : "awaited";
    }
  }

  #launch(action: PodAction): void {
    const key = actionKey(action);
    if (this.#busy.has(key)) return;
    this.#isIdle = false;
    const work = this.#perform(action, key).finally(() => {
      this.#busy.delete(key);
      this.wake();
    });
    this.#busy.set(key, work);
  }

  async #perform(action: PodAction, key: string): Promise<void> {
    const { clock, log } = this.#context;
    const takeoverFrom = action.kind === "run-sandbox" ? this.#takeoverFrom() : undefined;
    if (action.kind === "run-sandbox") this.#awaitsListener = takeoverFrom !== undefined;
    try {
      const { ending, change } = await runAction(action, {
        context: this.#context,
        pod: this.pod,
        takeoverFrom,
        podIP: this.#runtime.sandbox?.ip,
        signal: this.#abort.signal,
        tell: this.#tell,
      });
      if (ending) this.end(ending.cause, this.pod.spec.terminationGracePeriodSeconds);
      if (change) this.#notes = change(this.#notes, clock.monotonic());
    } catch (error) {
      log.error("pod action failed", { pod: podTitle(this.pod), action: key, error: String(error) });
      // Its key stays taken meanwhile: it is not tried again at once.
      await sleep(clock, ACTION_RETRY_MS);
    }
  }

  /** Nothing runs any more: volumes go, and once the pod is not wanted any more, all of it. */
  async #tidy(): Promise<void> {
    const { runtime, folders } = this.#context;
    if (!this.#areVolumesGone) await removePodVolumes(folders.volumes(this.pod));
    this.#areVolumesGone = true;
    if (!this.#isDeleted) return;
    if (this.#runtime.sandbox) await runtime.removePodSandbox(this.#runtime.sandbox.id);
    this.#isGone = true;
  }

  /** The same words about the same thing are told once. */
  readonly #tell: Tell = (event) => {
    const place = `${event.container ?? ""} ${event.reason}`;
    if (event.type === "Warning" && this.#told.get(place) === event.message) return;
    this.#told.set(place, event.message);
    this.#context.onEvent({ ...event, pod: this.pod } satisfies PodEvent);
  };
}
