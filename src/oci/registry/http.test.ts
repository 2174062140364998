import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import { DEFAULT_LIMITS } from "../limits.ts";
import { HttpClient } from "./http.ts";

test("HttpClient gives up at once when it is aborted while a server accepts and says nothing", async () => {
  const sockets: net.Socket[] = [];
  const server = net.createServer((socket) => void sockets.push(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  await using client = new HttpClient(DEFAULT_LIMITS);
  const stop = new AbortController();
  const request = { method: "GET", headers: {}, trustsAnyCertificate: true, signal: stop.signal } as const;

  // TLS: the server never answers the handshake.
  const sending = client.send({ ...request, url: new URL(`https://127.0.0.1:${port}/v2/`) });
  await once(server, "connection");
  stop.abort(new Error("enough"));

  await assert.rejects(sending, { message: "enough" });
  await assert.rejects(client.send({ ...request, url: new URL(`http://127.0.0.1:${port}/`) }), { message: "enough" });
  for (const socket of sockets) socket.destroy();
  server.close();
});
