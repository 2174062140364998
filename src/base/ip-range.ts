import { isIP } from "node:net";

/** Address as bytes: 4 for IPv4, 16 for IPv6. */
export type IpBytes = Uint8Array;

/** Addresses that share their first `prefix` bits. */
export interface IpRange {
  readonly base: IpBytes;
  /** In bits. */
  readonly prefix: number;
}

/** Reads an address without port and brackets; a zone (`fe80::1%eth0`) is left out. Undefined for any other text. */
export function parseIp(text: string): IpBytes | undefined {
  const address = text.split("%", 1)[0] ?? "";
  if (isIP(address) === 4) return Uint8Array.from(address.split("."), Number);
  if (isIP(address) === 6) return parseIpv6(address);
  return undefined;
}

/** Reads `address` or `address/prefix`. Throws `SyntaxError`. */
export function parseIpRange(text: string): IpRange {
  const [, address = "", digits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const base = parseIp(address);
  const prefix = digits === undefined ? (base?.length ?? 0) * 8 : Number(digits);
  if (!base || address.includes("%") || prefix > base.length * 8) {
    throw new SyntaxError(
      `Cannot read the addresses ${JSON.stringify(text)}: they must be an IP address or a range such as 10.0.0.0/8`,
    );
  }
  return { base, prefix };
}

/** Whether the address is in the range; addresses of the other family are not. */
export function isInRange(address: IpBytes, { base, prefix }: IpRange): boolean {
  if (address.length !== base.length) return false;
  const whole = prefix >> 3;
  for (let index = 0; index < whole; index++) if (address[index] !== base[index]) return false;
  const rest = 8 - (prefix & 7);
  return rest === 8 || (address[whole] ?? 0) >> rest === (base[whole] ?? 0) >> rest;
}

/** `text` is valid: groups of hexadecimal digits, at most one `::`, perhaps an IPv4 address at its end. */
function parseIpv6(text: string): IpBytes {
  const [head = "", tail] = text.split("::");
  const first = groups(head);
  const last = groups(tail ?? "");
  const bytes = new Uint8Array(16);
  bytes.set(first);
  bytes.set(last, 16 - last.length);
  return bytes;
}

function groups(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (group.includes(".")) return group.split(".").map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
