import assert from "node:assert/strict";
import { test } from "node:test";
import { type GuestTexts, req, World } from "./guest.ts";
import { httpServer, names } from "./server.ts";

const ALL = { allowedHosts: ["insecure:allow-all"] };

function get(url: string): GuestTexts {
  return { url, method: "GET" };
}

/** Ways to write loopback and metadata addresses in a URL. */
const LITERALS = [
  "127.0.0.1",
  "2130706433",
  "0x7f000001",
  "0177.0.0.1",
  "127.1",
  "0",
  "[::1]",
  "[::]",
  "[::ffff:127.0.0.1]",
  "[::ffff:7f00:1]",
  "[64:ff9b::7f00:1]",
  "[2002:7f00:1::]",
  "169.254.169.254",
  "[fd00:ec2::254]",
  "168.63.129.16",
  "１２７.0.0.1",
];

for (const literal of LITERALS) {
  test(`req() refuses the address ${literal} although every host is allowed`, async () => {
    await using server = await httpServer((_request, response) => response.end());
    await using world = new World();
    const texts = get(`http://${literal}:${server.port}/`);

    const run = await world.run(texts, [req(texts)], ALL);

    assert.deepEqual([run.codes, server.connections()], [[7], 0]);
    assert.match(run.stderr, /failed with code 7: the address \S+ is refused: /);
  });
}

test("req() refuses names of this machine when the system resolves them", async () => {
  await using server = await httpServer((_request, response) => response.end());
  await using world = new World();
  const texts = get(`http://localhost:${server.port}/`);

  const run = await world.run(texts, [req(texts)], ALL);

  assert.deepEqual([run.codes, server.connections()], [[7], 0]);
  assert.match(run.stderr, /the address (127\.0\.0\.1|::1) of localhost is refused: loopback\n$/);
});

test("req() calls an address literal that is allowed", async () => {
  await using server = await httpServer((_request, response) => response.writeHead(204).end());
  await using world = new World({ addresses: { allowed: ["127.0.0.1"] } });
  const texts = get(`http://[::ffff:127.0.0.1]:${server.port}/`);

  const run = await world.run(texts, [req(texts)], ALL);

  assert.deepEqual([run.codes, run.status], [[0], 204]);
});

test("req() refuses a name that leads to a metadata service", async () => {
  await using world = new World({ resolve: names({ "up.test": ["169.254.169.254"] }) });
  const texts = get("http://up.test/latest/meta-data");

  const run = await world.run(texts, [req(texts)], ALL);

  assert.deepEqual(run.codes, [7]);
  assert.equal(
    run.stderr,
    "wasipool: the outbound call to http://up.test/latest/meta-data failed with code 7: " +
      "the address 169.254.169.254 of up.test is refused: link-local, where metadata services are\n",
  );
});

test("req() dials only those of a name's addresses that may be dialled", async () => {
  await using server = await httpServer((_request, response) => response.end());
  const resolve = names({ "up.test": ["127.0.0.2", "::1", "127.0.0.1"] });
  await using world = new World({ resolve, addresses: { allowed: ["127.0.0.1"] } });
  const texts = get(`http://up.test:${server.port}/`);

  const run = await world.run(texts, [req(texts)], ALL);

  assert.deepEqual([run.codes, server.connections()], [[0], 1]);
});

test("req() resolves a name once: a second answer cannot lead elsewhere than what was checked", async () => {
  await using checked = await httpServer((_request, response) => response.writeHead(201).end());
  let answers = 0;
  const resolve = () => Promise.resolve([{ address: answers++ === 0 ? "127.0.0.1" : "127.0.0.2", family: 4 as const }]);
  await using world = new World({ resolve, addresses: { allowed: ["127.0.0.1"] } });
  const texts = get(`http://up.test:${checked.port}/`);

  const run = await world.run(texts, [req(texts), req(texts)], ALL);

  assert.deepEqual([run.codes, answers, checked.connections()], [[0, 7], 2, 1]);
});

test("req() answers 11 for a name without addresses and one that cannot be resolved", async () => {
  const texts = get("http://no-such-host.test/");
  await using empty = new World({ resolve: names({}) });
  await using failing = new World({ resolve: () => Promise.reject(new Error("getaddrinfo ENOTFOUND\n")) });

  const runs = [await empty.run(texts, [req(texts)], ALL), await failing.run(texts, [req(texts)], ALL)];

  assert.deepEqual(
    runs.map(({ codes }) => codes),
    [[11], [11]],
  );
  assert.match(runs[0]?.stderr ?? "", /code 11: the host no-such-host\.test has no address\n$/);
  assert.match(
    runs[1]?.stderr ?? "",
    /code 11: the host no-such-host\.test cannot be resolved: getaddrinfo ENOTFOUND \n$/,
  );
});
