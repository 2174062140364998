import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import net from "node:net";
import { test } from "node:test";
import { getuid } from "node:process";
import { AddressInUseError, BindError, bindListener, boundPort } from "./index.ts";

test("bindListener() accepts connections on the port the kernel chose", async () => {
  const listener = bindListener({ host: "127.0.0.1", port: 0 });

  const client = net.connect(listener.address.port, "127.0.0.1");
  await once(client, "connect");

  client.destroy();
  listener.close();
  listener.close();
  assert.ok(listener.address.port > 0);
});

test("bindListener() makes a descriptor that is closed on exec and does not block", () => {
  const listener = bindListener({ host: "127.0.0.1", port: 0 });

  const flags = Number.parseInt(
    /^flags:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${listener.fd}`, "utf8"))?.[1] ?? "",
    8,
  );

  listener.close();
  assert.equal(flags & 0o2004000, 0o2004000);
});

/** Why a test of an IPv6 address cannot run here; false when it can. */
function missingIpv6(host: string): string | false {
  if (net.isIPv4(host)) return false;
  try {
    bindListener({ host, port: 0 }).close();
    return false;
  } catch (error) {
    return `no IPv6 here: ${String(error)}`;
  }
}

const SHARED: readonly (readonly [string, string])[] = [
  ["127.0.0.1", "127.0.0.1"],
  ["0.0.0.0", "127.0.0.1"],
  ["127.0.0.1", "0.0.0.0"],
  ["::", "0.0.0.0"],
  ["::1", "::1"],
];

for (const [first, second] of SHARED) {
  test(`bindListener() refuses ${second} while ${first} has the port`, { skip: missingIpv6(first) }, () => {
    const listener = bindListener({ host: first, port: 0 });
    const address = { host: second, port: listener.address.port };

    try {
      assert.throws(
        () => bindListener(address),
        (error) => error instanceof AddressInUseError && error.code === "EADDRINUSE" && error.address === address,
      );
    } finally {
      listener.close();
    }
  });
}

test("bindListener() binds a port again as soon as it is closed", () => {
  const first = bindListener({ host: "127.0.0.1", port: 0 });
  first.close();

  const second = bindListener({ host: "127.0.0.1", port: first.address.port });

  assert.equal(boundPort(second.fd), first.address.port);
  second.close();
});

test("bindListener() on [::] takes IPv4 too", { skip: missingIpv6("::") }, async () => {
  const listener = bindListener({ host: "::", port: 0 });

  const client = net.connect(listener.address.port, "127.0.0.1");
  await once(client, "connect");

  client.destroy();
  listener.close();
});

test("bindListener() says that no interface has the address", () => {
  assert.throws(() => bindListener({ host: "192.0.2.1", port: 0 }), {
    name: "BindError",
    code: "EADDRNOTAVAIL",
    message:
      "Cannot listen on 192.0.2.1:0: bind failed with EADDRNOTAVAIL: no interface of this machine has the address",
  });
});

test("bindListener() leaks no descriptor when it fails", () => {
  const listener = bindListener({ host: "127.0.0.1", port: 0 });

  for (let attempt = 0; attempt < 10; attempt += 1) assert.throws(() => bindListener(listener.address), BindError);
  const next = bindListener({ host: "127.0.0.1", port: 0 });

  assert.ok(next.fd <= listener.fd + 2);
  next.close();
  listener.close();
});

test("bindListener() refuses a low port without privileges", { skip: getuid?.() === 0 && "runs as root" }, () => {
  assert.throws(() => bindListener({ host: "127.0.0.1", port: 1 }), { code: "EACCES", message: /need privileges/ });
});

test("bindListener() refuses a name", () => {
  assert.throws(() => bindListener({ host: "localhost", port: 0 }), { name: "TypeError" });
});

test("boundPort() refuses what is no socket", () => {
  assert.throws(() => boundPort(-1), /getsockname failed with errno 9/);
});
