// Servers that guests call: a real one per test, and a name that leads to it.
import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import net from "node:net";
import type { Resolve } from "../../src/gateway/outbound/resolve.ts";

export interface TestServer extends AsyncDisposable {
  readonly port: number;
  /** Connections it got so far. */
  readonly connections: () => number;
}

export type Answer = (request: http.IncomingMessage, response: http.ServerResponse, body: Buffer) => void;

/** An HTTP server on 127.0.0.1. */
export function httpServer(answer: Answer): Promise<TestServer> {
  return listening(http.createServer(reading(answer)));
}

export function httpsServer(answer: Answer, tls: { readonly key: string; readonly cert: string }): Promise<TestServer> {
  return listening(https.createServer(tls, reading(answer)));
}

/** A server that sends what HTTP servers do not. */
export function rawServer(onConnection: (socket: net.Socket) => void): Promise<TestServer> {
  return listening(
    net.createServer((socket) => {
      socket.on("error", () => {});
      socket.resume();
      onConnection(socket);
    }),
  );
}

/** Names and their addresses; other names have none. */
export function names(addresses: Readonly<Record<string, readonly string[]>>): Resolve {
  return (hostname) =>
    Promise.resolve(
      (addresses[hostname] ?? []).map((address) => ({
        address,
        family: net.isIPv6(address) ? (6 as const) : (4 as const),
      })),
    );
}

function reading(answer: Answer): http.RequestListener {
  return (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => answer(request, response, Buffer.concat(chunks)));
  };
}

async function listening(server: net.Server): Promise<TestServer> {
  const sockets = new Set<net.Socket>();
  let connections = 0;
  server.on("connection", (socket) => {
    connections++;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
