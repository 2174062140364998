// What the tests of HTTP fronts share: a front with an application that answers as told, and clients that see every byte.
import { once } from "node:events";
import net from "node:net";
import { FakeClock, silentLogger } from "../../base/index.ts";
import { listeningSocket } from "../testing.ts";
import type { Answer } from "./answer.ts";
import type { HttpFront, HttpFrontOptions, Listener } from "./front.ts";
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from "./limits.ts";
import type { RequestHead } from "./request.ts";

/** What a front's application does; all of it may be told otherwise. */
export interface AppBehaviour {
  /** @default 1,000 bytes */
  readonly admit?: (head: RequestHead) => number | Answer;
  /** @default 200 with the path and the body */
  readonly respond?: (head: RequestHead, body: Buffer) => Answer | Promise<Answer>;
}

/** A front on a port of its own, closed when disposed. */
export interface ServedFront extends AsyncDisposable {
  readonly clock: FakeClock;
  readonly front: HttpFront;
  readonly listener: Listener;
  readonly port: number;
  /** Paths in the order they were answered in. */
  readonly log: string[];
  readonly application: { isDraining: boolean };
}

export async function serveFront(
  create: (options: HttpFrontOptions) => HttpFront,
  limits: Partial<HttpLimits> = {},
  { admit = () => 1000, respond = (head, body) => ok(`${head.path} ${body.toString()}`) }: AppBehaviour = {},
): Promise<ServedFront> {
  const clock = new FakeClock();
  const front = create({ clock, log: silentLogger, limits: { ...DEFAULT_HTTP_LIMITS, ...limits } });
  const log: string[] = [];
  const application = {
    isDraining: false,
    admit,
    respond(head: RequestHead, body: Buffer) {
      log.push(head.path);
      return respond(head, body);
    },
  };
  const { fd, port } = listeningSocket();
  const listener = await front.listen(fd, application);
  return { clock, front, listener, port, log, application, [Symbol.asyncDispose]: () => front.close() };
}

export function ok(body: string | Buffer): Answer {
  return { status: 200, headers: "content-type: text/plain\r\n", body: Buffer.from(body) };
}

/** A connection whose bytes are sent and seen as they are. */
export class RawClient implements AsyncDisposable {
  readonly socket: net.Socket;
  received = "";
  isClosed = false;

  constructor(port: number) {
    this.socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    this.socket.setEncoding("latin1");
    this.socket.on("data", (text) => (this.received += text.toString()));
    this.socket.on("error", () => this.socket.destroy());
    this.socket.on("close", () => (this.isClosed = true));
  }

  static async connect(port: number): Promise<RawClient> {
    const client = new RawClient(port);
    await once(client.socket, "connect");
    return client;
  }

  send(bytes: string): void {
    this.socket.write(bytes, "latin1");
  }

  /** Resolves when `text` has come. Rejects when the connection ends without it. */
  async until(text: string): Promise<void> {
    while (!this.received.includes(text)) {
      if (this.socket.readableEnded || this.isClosed) throw new Error(`No ${text} in ${this.received}`);
      await Promise.race(["data", "end", "close"].map((event) => once(this.socket, event)));
    }
  }

  /** Everything received until the server closed its side. */
  async all(): Promise<string> {
    if (!this.socket.readableEnded && !this.isClosed) {
      await Promise.race(["end", "close"].map((event) => once(this.socket, event)));
    }
    return this.received;
  }

  /** Resolves when the connection is gone in both directions. */
  async closed(): Promise<void> {
    if (!this.isClosed) await once(this.socket, "close");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.closed();
  }
}

/** Status codes of all answers, interim ones too. */
export function statuses(received: string): number[] {
  return [...received.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
}
