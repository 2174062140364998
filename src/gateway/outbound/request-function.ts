import type { Logger } from "../../base/index.ts";
import type { HostInstance } from "../../engine/index.ts";
import { requireAllowedHost } from "./allowed-hosts.ts";
import { call, parseTarget, shownTarget } from "./call.ts";
import { charge, type ExchangeAnswer, type ExchangeRequest, type OutboundThread } from "./exchange.ts";
import { CallFailure, CODE, type Code } from "./failure.ts";
import { type ArgumentLimit, GuestBytes } from "./guest-bytes.ts";
import type { OutboundLimits } from "./limits.ts";
import { parseHeaderLines, parseMethod } from "./request-text.ts";
import type { OutboundRun } from "./run.ts";

type Slice = readonly [pointer: number, length: number];

/** Arguments of `req`, as the guest gave them. */
export interface RequestArguments {
  readonly url: Slice;
  readonly method: Slice;
  /** Lines of `name:value`. */
  readonly headers: Slice;
  readonly body: Slice;
  /** Where the guest wants the status, 2 bytes. */
  readonly statusOut: number;
  /** Where it wants the answer's handle, 4 bytes. */
  readonly handleOut: number;
}

/** One call under way. */
interface Call {
  readonly instance: HostInstance;
  readonly run: OutboundRun;
  readonly args: RequestArguments;
  /** For people to read. */
  target: string;
}

/** The function `req` of one thread. */
export class RequestFunction {
  readonly #thread: OutboundThread;
  readonly #log: Logger;
  readonly #limits: ReturnType<typeof argumentLimits>;
  #calls = 0;

  constructor(thread: OutboundThread, log: Logger) {
    this.#thread = thread;
    this.#limits = argumentLimits(thread.limits);
    this.#log = log;
  }

  /** Answers at once when it comes to nothing before anything is sent. */
  run(instance: HostInstance, run: OutboundRun, args: RequestArguments): Code | Promise<Code> {
    const made: Call = { instance, run, args, target: "" };
    try {
      return this.#send(made, this.#read(made));
    } catch (error) {
      return this.#refuse(made, error);
    }
  }

  /** Reads and checks in the order of the ABI, so that a guest wrong in two ways gets the same code everywhere. */
  #read(made: Call): ExchangeRequest {
    const { instance, run, args } = made;
    const bytes = new GuestBytes(instance.memory);
    if (run.openResponses >= run.maxOpenResponses) {
      throw new CallFailure(CODE.tooManySessions, `${run.openResponses} answers are open already`);
    }
    if (this.#calls >= this.#thread.limits.maxCalls) {
      throw new CallFailure(CODE.tooManySessions, `${this.#calls} calls are under way on this thread already`);
    }
    const url = parseTarget(bytes.readText(...args.url, this.#limits.url));
    made.target = shownTarget(url);
    requireAllowedHost(run.allowedHosts, url);
    const method = parseMethod(bytes.readText(...args.method, this.#limits.method));
    const body = bytes.read(...args.body, this.#limits.body);
    const headers = parseHeaderLines(bytes.readText(...args.headers, this.#limits.headers));
    bytes.requireRoom(args.statusOut, STATUS_BYTES);
    bytes.requireRoom(args.handleOut, HANDLE_BYTES);
    return { url, method, headers, body };
  }

  async #send(made: Call, request: ExchangeRequest): Promise<Code> {
    const { budget } = this.#thread;
    const { instance, run, args } = made;
    const ended = AbortSignal.any([instance.signal(), run.signal]);
    let heldBytes = 0;
    this.#calls++;
    try {
      charge(budget, request.body.length);
      heldBytes = request.body.length;
      const answer = await this.#callWithin(request, run, ended);
      const release = () => budget.charge(-answer.body.length);
      // The run ended meanwhile, and its instance may serve another by now: leave its memory alone.
      if (ended.aborted) {
        release();
        return CODE.runtimeError;
      }
      const handle = run.open({ headers: answer.headers, body: answer.body, offset: 0, release });
      const bytes = new GuestBytes(instance.memory);
      bytes.writeU16(args.statusOut, answer.status);
      bytes.writeU32(args.handleOut, handle);
      return CODE.ok;
    } catch (error) {
      return ended.aborted ? CODE.runtimeError : this.#refuse(made, error);
    } finally {
      this.#calls--;
      budget.charge(-heldBytes);
    }
  }

  async #callWithin(request: ExchangeRequest, run: OutboundRun, ended: AbortSignal): Promise<ExchangeAnswer> {
    const { clock, limits } = this.#thread;
    const cut = new AbortController();
    const abort = () => cut.abort(ended.reason);
    ended.addEventListener("abort", abort, { once: true });
    const timer = clock.after(limits.totalTimeoutMs, () =>
      cut.abort(new CallFailure(CODE.requestError, `no answer within ${limits.totalTimeoutMs} ms`)),
    );
    try {
      return await call(request, run.allowedHosts, this.#thread, cut.signal);
    } finally {
      timer[Symbol.dispose]();
      ended.removeEventListener("abort", abort);
    }
  }

  /** Tells the container's log why, where its owner looks for it; the guest gets no more than the code. */
  #refuse({ instance, target }: Call, error: unknown): Code {
    if (!(error instanceof CallFailure)) throw error;
    const { code } = error;
    const reason = error.message.replaceAll(/\p{Cc}+/gu, " ");
    const { account, stderr } = instance.invocation();
    this.#log.debug("outbound call failed", { account: account.id, target, code, reason });
    const what = target === "" ? "an outbound call" : `the outbound call to ${target}`;
    stderr.write(Buffer.from(`wasipool: ${what} failed with code ${code}: ${reason}\n`));
    return code;
  }
}

const MAX_METHOD_BYTES = 64;
const STATUS_BYTES = 2;
const HANDLE_BYTES = 4;

function argumentLimits({ maxUrlBytes, maxRequestHeaderBytes, maxRequestBytes }: OutboundLimits) {
  return {
    url: { maxBytes: maxUrlBytes, code: CODE.invalidUrl, what: "its URL" },
    method: { maxBytes: MAX_METHOD_BYTES, code: CODE.invalidMethod, what: "its method" },
    headers: { maxBytes: maxRequestHeaderBytes, code: CODE.invalidEncoding, what: "its header text" },
    body: { maxBytes: maxRequestBytes, code: CODE.requestError, what: "its body" },
  } satisfies Record<string, ArgumentLimit>;
}
