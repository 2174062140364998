import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger, systemClock } from "../base/index.ts";
import { createGateway } from "./create-gateway.ts";
import { container, fakeGuest, listeningSocket, request } from "./testing.ts";

test("createGateway() serves a container's route and answers what the module prints", async () => {
  const gateway = createGateway({ clock: systemClock, log: silentLogger });
  const { fd, port } = listeningSocket();
  gateway.declareRoutes("pod", [{ route: "/hello/...", container: "hello" }]);
  gateway.serve(
    "pod",
    container(
      "hello",
      "/hello/...",
      fakeGuest(() => "content-type:text/plain\n\nhello world\n"),
    ),
  );
  await gateway.listen("pod", fd);

  const answer = await request(port, "/hello");
  const { date, ...headers } = answer.headers;

  assert.deepEqual(
    [answer.status, headers, answer.body],
    [200, { "content-type": "text/plain", "content-length": "12", connection: "close" }, "hello world\n"],
  );
  assert.match(String(date), / GMT$/);
  assert.deepEqual(gateway.counts("hello"), { requests: 1, failures: 0 });
  await gateway.close();
});
