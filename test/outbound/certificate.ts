// A self-signed certificate for a name, made in DER by hand: enough for TLS tests without a tool.
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";

const SEQUENCE = 0x30;
const ECDSA_WITH_SHA256 = sequence(oid("2a8648ce3d040302"));
const DAY_MS = 86_400_000;

/** A key and a certificate, as PEM; the certificate is its own authority. */
export function selfSigned(host: string): { readonly key: string; readonly cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const body = tbsCertificate(host, publicKey);
  const signature = sign("sha256", body, privateKey);
  const certificate = sequence(body, ECDSA_WITH_SHA256, tagged(0x03, Buffer.from([0]), signature));
  return { key: privateKey.export({ type: "pkcs8", format: "pem" }), cert: pem(certificate) };
}

function tbsCertificate(host: string, publicKey: KeyObject): Buffer {
  const version3 = tagged(0xa0, tagged(0x02, Buffer.from([2])));
  const serial = tagged(0x02, Buffer.from([1]));
  const name = sequence(tagged(0x31, sequence(oid("550403"), tagged(0x0c, Buffer.from(host)))));
  const validity = sequence(utcTime(Date.now() - DAY_MS), utcTime(Date.now() + DAY_MS));
  const alternativeName = sequence(oid("551d11"), tagged(0x04, sequence(tagged(0x82, Buffer.from(host)))));
  const authority = sequence(oid("551d13"), tagged(0x04, sequence(tagged(0x01, Buffer.from([0xff])))));
  const extensions = tagged(0xa3, sequence(alternativeName, authority));
  const key = publicKey.export({ type: "spki", format: "der" });
  return sequence(version3, serial, ECDSA_WITH_SHA256, name, validity, name, key, extensions);
}

function tagged(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...contents: readonly Buffer[]): Buffer {
  return tagged(SEQUENCE, ...contents);
}

function oid(hex: string): Buffer {
  return tagged(0x06, Buffer.from(hex, "hex"));
}

function utcTime(at: number): Buffer {
  const digits = new Date(at)
    .toISOString()
    .replaceAll(/[-:T]|\.\d+/g, "")
    .slice(2);
  return tagged(0x17, Buffer.from(digits));
}

function pem(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
