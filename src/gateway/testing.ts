// What the gateway's tests share: listening sockets as descriptors, guests that answer as told, and a client that sees every byte.
import net from "node:net";
import { addressOf, openLibc } from "../base/index.ts";
import type { Guest, Invocation, Outcome } from "../engine/index.ts";
import type { ServedContainer } from "./gateway.ts";

const AF_INET = 2;
const SOCK_STREAM_CLOEXEC = 0o2000001;
const SOCKADDR_IN_BYTES = 16;
const LOOPBACK = [127, 0, 0, 1];

const libc = openLibc({
  socket: { arguments: ["int32", "int32", "int32"], return: "int32" },
  bind: { arguments: ["int32", "pointer", "uint32"], return: "int32" },
  listen: { arguments: ["int32", "int32"], return: "int32" },
  getsockname: { arguments: ["int32", "pointer", "pointer"], return: "int32" },
});

/** A listening socket on 127.0.0.1; whoever gets the descriptor owns it. */
export function listeningSocket(): { readonly fd: number; readonly port: number } {
  const fd = Number(libc.socket(AF_INET, SOCK_STREAM_CLOEXEC, 0));
  const address = Buffer.alloc(SOCKADDR_IN_BYTES);
  address.writeUInt16LE(AF_INET, 0);
  address.set(LOOPBACK, 4);
  const length = Buffer.from([SOCKADDR_IN_BYTES, 0, 0, 0]);
  const results = [
    libc.bind(fd, addressOf(address), SOCKADDR_IN_BYTES),
    libc.listen(fd, 128),
    libc.getsockname(fd, addressOf(address), addressOf(length)),
  ];
  if (results.some((result) => Number(result) !== 0)) throw new Error("Cannot listen on 127.0.0.1");
  return { fd, port: address.readUInt16BE(2) };
}

export const EXITED: Outcome = { kind: "exited", code: 0, cpuMs: 0 };

/** A guest whose runs do what `run` does, which may return output instead of an outcome. */
export function fakeGuest(run: (invocation: Invocation) => Outcome | Promise<Outcome> | string): Guest {
  return {
    run(invocation) {
      const result = run(invocation);
      if (typeof result !== "string") return result;
      invocation.stdout.write(Buffer.from(result, "latin1"));
      return EXITED;
    },
    memoryBytes: () => 0,
    close: () => Promise.resolve(),
  };
}

/** A container with ordinary limits. */
export function container(
  id: string,
  route: string,
  guest: Guest,
  changes: Partial<ServedContainer> = {},
): ServedContainer {
  return {
    id,
    name: id,
    guest,
    account: { id, weight: 100, cpuMs: 0 },
    routes: [{ route, entrypoint: "_start" }],
    env: [],
    preopens: [],
    allowedHosts: [],
    limits: {
      timeoutMs: 30_000,
      maxRequestBodyBytes: 10 * 1024 * 1024,
      maxResponseBytes: 32 * 1024 * 1024,
      maxResponseHeaderBytes: 64 * 1024,
    },
    onStderr: () => {},
    ...changes,
  };
}

/** Sends bytes as they are and answers all that comes back until the server closes, `until` holds of it. */
export function exchange(
  port: number,
  bytes: string | Buffer,
  until: (received: string) => boolean = () => false,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = net.connect({ port, host: "127.0.0.1" });
  let received = "";
  socket.setEncoding("latin1");
  socket.on("data", (text) => {
    received += text.toString();
    if (until(received)) socket.destroy();
  });
  socket.on("error", (error) => (received === "" ? reject(error) : socket.destroy()));
  socket.on("close", () => resolve(received));
  socket.write(bytes);
  return promise;
}

/** An answer taken apart; header names in lower case, repeated ones as a list. */
export interface ReadAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: string;
}

/** Reads the answers of an exchange, without interim ones; bodies by Content-Length (`noBody`: answers to HEAD). */
export function readAnswers(received: string, noBody = false): ReadAnswer[] {
  const answers: ReadAnswer[] = [];
  for (let rest = received; rest !== "";) {
    const end = rest.indexOf("\r\n\r\n");
    const [statusLine = "", ...lines] = rest.slice(0, end).split("\r\n");
    const status = Number(statusLine.split(" ")[1]);
    const headers: Record<string, string | string[]> = {};
    for (const line of lines) {
      const [name = "", value = ""] = line.split(/: (.*)/s, 2);
      const before = headers[name];
      headers[name] = before === undefined ? value : [before, value].flat();
    }
    const length = noBody ? 0 : Number(headers["content-length"] ?? 0);
    answers.push({ status, headers, body: rest.slice(end + 4, end + 4 + length) });
    rest = rest.slice(end + 4 + length);
  }
  return answers;
}

/** One request on a connection of its own, closed after it. */
export async function request(
  port: number,
  target: string,
  options: { method?: string; headers?: string[]; body?: string } = {},
): Promise<ReadAnswer> {
  const { method = "GET", headers = [], body = "" } = options;
  const length = body === "" ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  const lines = [`${method} ${target} HTTP/1.1`, "Host: wagi.test:8080", "Connection: close", ...length, ...headers];
  const received = await exchange(port, `${lines.join("\r\n")}\r\n\r\n${body}`);
  const [answer] = readAnswers(received, method === "HEAD");
  if (!answer) throw new Error(`No answer to ${method} ${target}`);
  return answer;
}
