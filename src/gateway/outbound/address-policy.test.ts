import assert from "node:assert/strict";
import { test } from "node:test";
import { createAddressPolicy } from "./address-policy.ts";

const none = { ownAddresses: () => [] };

const REFUSED: readonly (readonly [address: string, reason: string])[] = [
  ["127.0.0.1", "loopback"],
  ["127.255.255.255", "loopback"],
  ["::1", "loopback"],
  ["0.0.0.0", "unspecified"],
  ["0.1.2.3", "unspecified"],
  ["::", "unspecified"],
  ["169.254.169.254", "link-local, where metadata services are"],
  ["169.254.0.1", "link-local, where metadata services are"],
  ["fe80::1", "link-local"],
  ["fe80::1%eth0", "link-local"],
  ["febf:ffff::", "link-local"],
  ["fec0::1", "site-local"],
  ["168.63.129.16", "Azure's host service"],
  ["100.100.100.200", "a metadata service"],
  ["192.0.0.192", "reserved, and a metadata service"],
  ["fd00:ec2::254", "a metadata service"],
  ["fd20:ce::254", "a metadata service"],
  ["224.0.0.1", "multicast"],
  ["239.255.255.255", "multicast"],
  ["ff02::1", "multicast"],
  ["255.255.255.255", "reserved or broadcast"],
  ["240.0.0.1", "reserved or broadcast"],
  ["::ffff:127.0.0.1", "loopback"],
  ["::ffff:7f00:1", "loopback"],
  ["::ffff:169.254.169.254", "link-local, where metadata services are"],
  ["::ffff:0:127.0.0.1", "loopback"],
  ["::127.0.0.1", "loopback"],
  ["64:ff9b::127.0.0.1", "loopback"],
  ["64:ff9b::a9fe:a9fe", "link-local, where metadata services are"],
  ["64:ff9b:1::a9fe:a9fe", "a translated address of this network"],
  ["2002:7f00:1::", "loopback"],
  ["2002:a9fe:a9fe::1", "link-local, where metadata services are"],
  ["2001::1", "a Teredo address"],
  ["localhost", "not an IP address"],
  ["", "not an IP address"],
];

for (const [address, reason] of REFUSED) {
  test(`createAddressPolicy() refuses ${address || "an empty text"}: ${reason}`, () => {
    assert.equal(createAddressPolicy(none)(address), reason);
  });
}

const DIALABLE = [
  "1.1.1.1",
  "10.0.0.1",
  "100.100.100.201",
  "126.255.255.255",
  "128.0.0.1",
  "168.63.129.17",
  "169.253.255.255",
  "172.16.0.1",
  "192.168.1.1",
  "223.255.255.255",
  "::ffff:10.0.0.1",
  "64:ff9b::1.1.1.1",
  "2001:db8::1",
  "2606:4700::1111",
  "fd00::1",
];

for (const address of DIALABLE) {
  test(`createAddressPolicy() lets ${address} be dialled`, () => {
    assert.equal(createAddressPolicy(none)(address), undefined);
  });
}

test("createAddressPolicy() lets allowed addresses be dialled in each of their forms, and no others", () => {
  const policy = createAddressPolicy({ ...none, allowed: ["127.0.0.0/30", "::1", "2001::/32"] });

  const dialable = [
    "127.0.0.3",
    "127.0.0.4",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "::1",
    "2001::5",
    "169.254.169.254",
  ].filter((address) => policy(address) === undefined);

  assert.deepEqual(dialable, ["127.0.0.3", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "::1", "2001::5"]);
});

test("createAddressPolicy() refuses what the settings name, and this machine's own addresses", () => {
  const policy = createAddressPolicy({
    refused: ["10.96.0.1", "10.1.0.0/16"],
    ownAddresses: () => ["192.168.7.7", "fd12::7", "fe80::7%eth0"],
  });

  const reasons = [
    "10.96.0.1",
    "10.1.2.3",
    "10.2.0.1",
    "192.168.7.7",
    "::ffff:192.168.7.7",
    "fd12:0::7",
    "fd12::8",
  ].map(policy);

  const bySetting = "refused by this node's settings";
  const own = "an address of this machine";
  assert.deepEqual(reasons, [bySetting, bySetting, undefined, own, own, own, undefined]);
});

for (const text of [
  "",
  "127.0.0.1/33",
  "::1/129",
  "localhost",
  "1.2.3",
  "10.0.0.0/-1",
  "10.0.0.0/8/8",
  "fe80::1%eth0/64",
]) {
  test(`createAddressPolicy() refuses the setting ${JSON.stringify(text)}`, () => {
    assert.throws(() => createAddressPolicy({ allowed: [text] }), {
      name: "SyntaxError",
      message: /Cannot read the addresses/,
    });
  });
}
