import path from "node:path";
import type { Clock } from "../../base/index.ts";
import type { Kubelet, PodReport } from "../../kubelet/index.ts";
import { followLog } from "../../runtime/index.ts";
import type { LogView } from "./report.ts";

export interface ContainerLogsOptions {
  readonly kubelet: Kubelet;
  readonly clock: Clock;
  readonly onLine: (line: LogView) => void;
  /** A log that cannot be read. */
  readonly onError: (error: unknown) => void;
}

/** The logs of all containers, each run followed from its start to its end. */
export class ContainerLogs {
  readonly #options: ContainerLogsOptions;
  readonly #followed = new Map<string, { readonly ended: AbortController; readonly done: Promise<void> }>();
  readonly #stop = new AbortController();

  constructor(options: ContainerLogsOptions) {
    this.#options = options;
  }

  /** Follows runs that are new and lets those end that are over. */
  update(reports: readonly PodReport[]): void {
    const going = new Set<string>();
    for (const report of reports) {
      const { initContainerStatuses, containerStatuses } = report.status;
      for (const { name, containerID, restartCount, state } of [...initContainerStatuses, ...containerStatuses]) {
        if (containerID === "") continue;
        const key = `${report.pod.metadata.uid}/${name}/${restartCount}`;
        if (!this.#followed.has(key) && state.kind !== "waiting") this.#follow(key, report, name, restartCount);
        if (state.kind === "running") going.add(key);
      }
    }
    for (const [key, { ended }] of this.#followed) if (!going.has(key)) ended.abort();
  }

  /** Resolves once everything written so far has been told. */
  async finish(): Promise<void> {
    for (const { ended } of this.#followed.values()) ended.abort();
    using _ = this.#options.clock.after(FINISH_TIMEOUT_MS, () => this.#stop.abort());
    await Promise.all([...this.#followed.values()].map(({ done }) => done));
  }

  #follow(key: string, { pod }: PodReport, container: string, attempt: number): void {
    const { kubelet, onError } = this.#options;
    const ended = new AbortController();
    const file = path.join(kubelet.logFolder(pod, container), `${attempt}.log`);
    const done = this.#read(file, pod.metadata.name, container, ended.signal).catch(onError);
    this.#followed.set(key, { ended, done });
  }

  async #read(file: string, pod: string, container: string, ended: AbortSignal): Promise<void> {
    const { clock, onLine } = this.#options;
    const partial = { stdout: "", stderr: "" };
    for await (const record of followLog(file, { clock, follow: true, ended, signal: this.#stop.signal })) {
      const { stream } = record;
      partial[stream] += record.text;
      if (record.isPartial) continue;
      onLine({ pod, container, stream, text: partial[stream] });
      partial[stream] = "";
    }
  }
}

/** Longest wait for logs at the end. */
const FINISH_TIMEOUT_MS = 2_000;
