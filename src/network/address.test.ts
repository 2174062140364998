import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { coversAddress, formatAddress, parseListenAddress, urlOf } from "./address.ts";

const READABLE: readonly (readonly [string, string, number])[] = [
  ["0.0.0.0:3001", "0.0.0.0", 3001],
  ["127.0.0.1:0", "127.0.0.1", 0],
  ["10.1.2.3:65535", "10.1.2.3", 65_535],
  ["[::1]:80", "::1", 80],
  ["[::]:3001", "::", 3001],
  ["[::ffff:127.0.0.1]:1", "::ffff:127.0.0.1", 1],
];

for (const [text, host, port] of READABLE) {
  test(`parseListenAddress() reads ${text}`, () => {
    assert.deepEqual(parseListenAddress(text), { host, port });
    assert.equal(formatAddress({ host, port }), text);
  });
}

const REFUSED: readonly (readonly [string, RegExp])[] = [
  ["", /must be IP:port/],
  ["3001", /must be IP:port/],
  ["127.0.0.1", /must be IP:port/],
  ["localhost:3000", /"localhost" is no IPv4 address/],
  [":3000", /"" is no IPv4 address/],
  ["::1:80", /must be IP:port|no IPv4/],
  ["[127.0.0.1]:80", /no IPv6 address/],
  ["[fe80::1%lo]:80", /no IPv6 address/],
  ["127.0.0.1:", /no port/],
  ["127.0.0.1:65536", /no port from 0 to 65535/],
  ["127.0.0.1:080", /no port/],
  ["127.0.0.1:-1", /no port/],
  ["127.0.0.1:8 ", /no port/],
  [" 127.0.0.1:80", /no IPv4 address/],
  ["127.0.0.1:80\n", /no port/],
  ["127.0.0.01:80", /no IPv4 address/],
  ["256.0.0.1:80", /no IPv4 address/],
];

for (const [text, message] of REFUSED) {
  test(`parseListenAddress() refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseListenAddress(text), { name: "SyntaxError", message });
  });
}

test("parseListenAddress() reads what formatAddress() wrote, for any address", () => {
  const host = fc.oneof(fc.ipV4(), fc.ipV6());

  fc.assert(
    fc.property(host, fc.integer({ min: 0, max: 65_535 }), (anyHost, port) => {
      assert.deepEqual(parseListenAddress(formatAddress({ host: anyHost, port })), { host: anyHost, port });
    }),
  );
});

test("parseListenAddress() answers or throws SyntaxError for any text", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        assert.equal(formatAddress(parseListenAddress(text)), text);
      } catch (error) {
        assert.ok(error instanceof SyntaxError);
      }
    }),
  );
});

const URLS: readonly (readonly [string, string])[] = [
  ["0.0.0.0:3001", "http://127.0.0.1:3001/"],
  ["[::]:3001", "http://[::1]:3001/"],
  ["[0:0:0:0:0:0:0:0]:3001", "http://[::1]:3001/"],
  ["10.0.0.7:80", "http://10.0.0.7/"],
  ["[::1]:8080", "http://[::1]:8080/"],
];

for (const [text, url] of URLS) {
  test(`urlOf() shows ${text} as ${url}`, () => assert.equal(urlOf(parseListenAddress(text)), url));
}

const COVERED: readonly (readonly [string, string, boolean])[] = [
  ["127.0.0.1:80", "127.0.0.1:80", true],
  ["127.0.0.1:80", "127.0.0.1:81", false],
  ["127.0.0.1:80", "127.0.0.2:80", false],
  ["0.0.0.0:80", "127.0.0.1:80", true],
  ["127.0.0.1:80", "0.0.0.0:80", true],
  ["[::]:80", "127.0.0.1:80", true],
  ["0.0.0.0:80", "[::]:80", true],
  ["0.0.0.0:80", "[::1]:80", false],
  ["[::1]:80", "[0:0:0:0:0:0:0:1]:80", true],
  ["[::1]:80", "[::2]:80", false],
];

for (const [a, b, isCovered] of COVERED) {
  test(`coversAddress() says ${isCovered} of ${a} and ${b}`, () => {
    assert.equal(coversAddress(parseListenAddress(a), parseListenAddress(b)), isCovered);
  });
}
