import assert from "node:assert/strict";
import { isIP } from "node:net";
import { test } from "node:test";
import * as fc from "fast-check";
import { isInRange, parseIp, parseIpRange } from "./ip-range.ts";

const hex = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString("hex");

test("parseIp() reads addresses of both families", () => {
  const texts = [
    "1.2.3.255",
    "::",
    "::1",
    "1::",
    "1:2:3:4:5:6:7:8",
    "fe80::a%eth0",
    "::ffff:1.2.3.4",
    "64:FF9B::10.0.0.1",
  ];

  assert.deepEqual(
    texts.map((text) => hex(parseIp(text))),
    [
      "010203ff",
      "0".repeat(32),
      `${"0".repeat(31)}1`,
      `0001${"0".repeat(28)}`,
      "00010002000300040005000600070008",
      `fe80${"0".repeat(27)}a`,
      "00000000000000000000ffff01020304",
      `0064ff9b${"0".repeat(16)}0a000001`,
    ],
  );
});

test("parseIp() answers undefined for what is no address", () => {
  for (const text of [
    "",
    "1.2.3",
    "01.2.3.4",
    "1.2.3.256",
    ":::",
    "1::2::3",
    "[::1]",
    "::1/8",
    "localhost",
    "1.2.3.4:80",
  ]) {
    assert.equal(parseIp(text), undefined, text);
  }
});

test("parseIp() agrees with the platform on what is an address", () => {
  const piece = fc.constantFrom("0", "1", "ff", "255", "fe80", ":", "::", ".", "%", "g");
  const text = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.array(piece, { maxLength: 12 }).map((parts) => parts.join("")),
  );

  fc.assert(
    fc.property(text, (each) => {
      const bytes = parseIp(each);
      assert.equal(bytes === undefined, isIP(each.split("%", 1)[0] ?? "") === 0);
      if (bytes?.length === 16) assert.equal(hex(parseIp(canonical(each))), hex(bytes));
    }),
    { numRuns: 2000 },
  );
});

/** As the URL standard writes an IPv6 address. */
function canonical(text: string): string {
  return new URL(`http://[${text.split("%", 1)[0]}]/`).hostname.slice(1, -1);
}

test("isInRange() compares as many bits as the prefix says, within one family", () => {
  const inside = (address: string, range: string) => isInRange(parseIp(address) as Uint8Array, parseIpRange(range));
  const yes = [
    ["10.255.0.1", "10.0.0.0/8"],
    ["10.0.0.1", "10.0.0.1"],
    ["1.2.3.4", "0.0.0.0/0"],
    ["172.31.255.255", "172.16.0.0/12"],
    ["febf::1", "fe80::/10"],
  ];
  const no = [
    ["11.0.0.0", "10.0.0.0/8"],
    ["10.0.0.2", "10.0.0.1"],
    ["172.32.0.0", "172.16.0.0/12"],
    ["fec0::1", "fe80::/10"],
    ["::1.2.3.4", "1.2.3.4"],
    ["1.2.3.4", "::/0"],
  ];

  for (const [address = "", range = ""] of yes) assert.ok(inside(address, range), `${address} in ${range}`);
  for (const [address = "", range = ""] of no) assert.ok(!inside(address, range), `${address} not in ${range}`);
});

for (const text of ["", "/8", "1.2.3.4/33", "::/129", "1.2.3.4/", "1.2.3.4/-1", "fe80::1%eth0", "host/8", " 1.2.3.4"]) {
  test(`parseIpRange() refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseIpRange(text), { name: "SyntaxError", message: /must be an IP address or a range/ });
  });
}
