import { formatTable, Progress, type Terminal } from "../output/index.ts";
import type { ContainerView, EventView, LogView, PodView, ProgressStep, Report, RunSummary } from "./report.ts";

const PREFIX_COLOURS = ["cyan", "magenta", "yellow", "green", "blue"] as const;

/**
 * Tells people what happens: progress while images come, tables when a pod has settled, then logs with a prefix per container.
 * Tables and logs go to standard output, the rest to standard error.
 */
export class TextReport implements Report {
  readonly #terminal: Terminal;
  readonly #progress: Progress;
  readonly #colours = new Map<string, (typeof PREFIX_COLOURS)[number]>();
  #shown = "";

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#progress = new Progress(terminal);
  }

  warn(problem: string): void {
    this.#err(`${this.#terminal.paint("yellow", "warning:", "err")} ${problem}`);
  }

  progress(step: ProgressStep): void {
    if (step.kind === "done") this.#progress.remove(step.image);
    else if (step.kind === "preparing") this.#progress.set(step.image, { label: step.image, note: "preparing" });
    else this.#progress.set(step.image, { label: step.image, done: step.receivedBytes, total: step.totalBytes });
  }

  state(pods: readonly PodView[]): void {
    if (pods.length === 0 || !pods.every((pod) => pod.isSettled)) return;
    const text = this.#tables(pods);
    if (text === this.#shown) return;
    this.#shown = text;
    this.#out(`${text}\n`);
  }

  event({ type, pod, container, reason, message }: EventView): void {
    if (type === "Normal") return;
    const place = container === undefined ? pod : `${pod}/${container}`;
    this.#err(`${this.#terminal.paint("yellow", reason, "err")} ${place}: ${message}`);
  }

  log({ container, stream, text }: LogView): void {
    const prefix = this.#terminal.paint(this.#colourOf(container), `${container} |`);
    this.#out(`${prefix} ${stream === "stderr" ? this.#terminal.paint("dim", text) : text}`);
  }

  summary({ containers }: RunSummary): void {
    const served = containers.filter((container) => container.requests > 0);
    if (served.length === 0) return;
    const rows = served.map(({ pod, container, requests, failures }) => [
      pod,
      container,
      String(requests),
      String(failures),
    ]);
    this.#out(`\n${formatTable(["pod", "container", "requests", "failures"], rows)}`);
  }

  #tables(pods: readonly PodView[]): string {
    const podRows = pods.map((pod) => [
      pod.name,
      readyOf(pod),
      pod.status,
      String(pod.containers.reduce((sum, container) => sum + container.restarts, 0)),
    ]);
    const containerRows = pods.flatMap((pod) =>
      pod.containers.map((container) => [pod.name, container.name, this.#stateOf(container), container.message ?? ""]),
    );
    const routeRows = pods.flatMap((pod) =>
      pod.routes.map(({ route, url, container, isReady }) => [
        route,
        isReady ? this.#terminal.paint("underline", url) : `${url} (503: not running)`,
        container,
      ]),
    );
    return [
      formatTable(["pod", "ready", "status", "restarts"], podRows),
      formatTable(["pod", "container", "state", "message"], containerRows),
      ...(routeRows.length > 0 ? [formatTable(["route", "url", "container"], routeRows)] : []),
    ].join("\n\n");
  }

  #stateOf({ state, isReady, exitCode }: ContainerView): string {
    const text = exitCode === undefined || exitCode === 0 ? state : `${state} (exit code ${exitCode})`;
    return this.#terminal.paint(isReady || exitCode === 0 ? "green" : "red", text);
  }

  #colourOf(container: string): (typeof PREFIX_COLOURS)[number] {
    const known = this.#colours.get(container);
    if (known) return known;
    const colour = PREFIX_COLOURS[this.#colours.size % PREFIX_COLOURS.length] ?? "cyan";
    this.#colours.set(container, colour);
    return colour;
  }

  #out(text: string): void {
    this.#progress.pause();
    this.#terminal.out(text);
  }

  #err(text: string): void {
    this.#progress.pause();
    this.#terminal.err(text);
  }
}

/** `READY` as kubectl has it. */
function readyOf({ containers }: PodView): string {
  const counted = containers.filter(({ isInit }) => !isInit);
  return `${counted.filter(({ isReady }) => isReady).length}/${counted.length}`;
}
