import type { Invocation, Outcome } from "../../engine/index.ts";
import type { Logger } from "../../base/index.ts";
import type { ServedContainer } from "../gateway.ts";
import { type Answer, emptyAnswer, UNAVAILABLE } from "../http/answer.ts";
import type { Budget } from "../http/budget.ts";
import type { RequestHead } from "../http/request.ts";
import { EXPERIMENTAL_HTTP, OutboundRun } from "../outbound/run.ts";
import { requestArguments } from "./arguments.ts";
import { requestEnvironment, type RouteEnvironment, routeEnvironment } from "./environment.ts";
import { ResponseParser } from "./response.ts";
import { parseRoute, type Route } from "./route.ts";
import { BodySource, ErrorSink, OutputSink } from "./streams.ts";

const FAILURE_STATUS = 500;

/** What a container needs of the gateway it serves in. */
export interface Surroundings {
  readonly log: Logger;
  readonly budget: Budget;
  /** Standard error kept of one run. */
  readonly maxStderrBytes: number;
}

/** A route and how its container answers it. */
export interface ServedRoute {
  readonly route: Route;
  readonly entrypoint: string;
  readonly environment: RouteEnvironment;
}

/** A container that answers requests: each is one run of its guest, and its output the answer. */
export class RunningContainer {
  readonly spec: ServedContainer;
  readonly routes: readonly ServedRoute[];
  readonly #surroundings: Surroundings;
  readonly #parser: ResponseParser;
  readonly #args: readonly Uint8Array[];
  #underWay = 0;
  #requests = 0;
  #failures = 0;
  #lastRequestMs = Number.NEGATIVE_INFINITY;
  /** Asks clients to go elsewhere with their next request. */
  isDraining = false;

  constructor(spec: ServedContainer, surroundings: Surroundings) {
    this.spec = spec;
    this.#surroundings = surroundings;
    this.#parser = new ResponseParser(spec.limits.maxResponseHeaderBytes);
    this.#args = (spec.args ?? []).map((arg) => Buffer.from(arg, "utf8"));
    this.routes = spec.routes.map(({ route: pattern, entrypoint }) => {
      const route = parseRoute(pattern);
      return { route, entrypoint, environment: routeEnvironment(route, spec.env) };
    });
  }

  get counts(): { readonly requests: number; readonly failures: number } {
    return { requests: this.#requests, failures: this.#failures };
  }

  /** Requests being answered. */
  get underWay(): number {
    return this.#underWay;
  }

  /** When the last request came, on the monotonic clock. */
  get lastRequestMs(): number {
    return this.#lastRequestMs;
  }

  /** Answers a request. A guest that ends at once costs no promise. */
  respond(
    served: ServedRoute,
    head: RequestHead,
    body: Buffer,
    peer: string,
    arrivedMs: number,
  ): Answer | Promise<Answer> {
    this.#requests += 1;
    this.#underWay += 1;
    this.#lastRequestMs = arrivedMs;
    const run = this.#invocation(served, head, body, peer, arrivedMs);
    const outcome = this.spec.guest.run(run);
    if (!(outcome instanceof Promise)) return this.#conclude(head, run, outcome);
    return outcome.then((late) => this.#conclude(head, run, late));
  }

  #invocation(served: ServedRoute, head: RequestHead, body: Buffer, peer: string, arrivedMs: number): Run {
    const { spec } = this;
    return {
      entrypoint: served.entrypoint,
      args: requestArguments(head, this.#args),
      env: requestEnvironment(served.environment, served.route, head, peer, body.length),
      stdin: new BodySource(body),
      stdout: new OutputSink(spec.limits.maxResponseBytes, this.#surroundings.budget),
      stderr: new ErrorSink(this.#surroundings.maxStderrBytes),
      preopens: spec.preopens,
      account: spec.account,
      deadlineMs: arrivedMs + spec.limits.timeoutMs,
      host: { [EXPERIMENTAL_HTTP]: new OutboundRun(spec.allowedHosts, spec.httpMaxConcurrency) },
    };
  }

  #conclude(head: RequestHead, run: Run, outcome: Outcome): Answer {
    const stderr = run.stderr.bytes();
    if (stderr) this.spec.onStderr(stderr);
    const answer = this.#answer(head, run, outcome);
    run.host[EXPERIMENTAL_HTTP].close();
    run.stdout.release();
    if (answer.status >= FAILURE_STATUS) this.#failures += 1;
    this.#underWay -= 1;
    return this.isDraining ? { ...answer, close: true } : answer;
  }

  #answer(head: RequestHead, run: Run, outcome: Outcome): Answer {
    switch (outcome.kind) {
      case "exited":
        if (outcome.code !== 0) return this.#fail(head, 500, `the module exited with code ${outcome.code}`);
        return this.#answerOutput(head, run.stdout.bytes());
      case "trapped":
        return this.#fail(
          head,
          500,
          `the module trapped${outcome.outOfMemory ? " after memory was refused" : ""}: ${outcome.message}`,
        );
      case "stopped":
        return this.#answerStopped(head, run, outcome.reason);
      case "busy":
        return UNAVAILABLE;
      case "unusable":
        return this.#fail(head, 500, outcome.message);
    }
  }

  #answerOutput(head: RequestHead, output: Buffer): Answer {
    const response = this.#parser.parse(output);
    if (response.problem !== undefined) this.#complain(head, response.status, response.problem);
    return response;
  }

  #answerStopped(head: RequestHead, run: Run, reason: "deadline" | "output-limit" | "closed"): Answer {
    const { timeoutMs, maxResponseBytes } = this.spec.limits;
    switch (reason) {
      case "deadline":
        return this.#fail(head, 504, `no answer within ${timeoutMs} ms`);
      case "output-limit":
        if (run.stdout.isOverBudget) return UNAVAILABLE;
        return this.#fail(head, 502, `the module's output exceeds ${maxResponseBytes} bytes`);
      case "closed":
        return UNAVAILABLE;
    }
  }

  #fail(head: RequestHead, status: number, problem: string): Answer {
    this.#complain(head, status, problem);
    return emptyAnswer(status);
  }

  /** A line in the container's log, where its owner looks for it. */
  #complain(head: RequestHead, status: number, problem: string): void {
    this.#surroundings.log.debug("request failed", { container: this.spec.id, path: head.path, status, problem });
    this.spec.onStderr(Buffer.from(`wasipool: ${head.method} ${head.path}: ${status}, ${problem}\n`));
  }
}

interface Run extends Invocation {
  readonly stdout: OutputSink;
  readonly stderr: ErrorSink;
  readonly host: { readonly [EXPERIMENTAL_HTTP]: OutboundRun };
}
