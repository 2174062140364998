import { networkInterfaces } from "node:os";
import { type IpBytes, type IpRange, isInRange, parseIp, parseIpRange } from "../../base/index.ts";

/** Says why an address must not be dialled; undefined when it may be. */
export type AddressPolicy = (address: string) => string | undefined;

export interface AddressPolicyOptions {
  /** Addresses and ranges that may be dialled although the policy would refuse them. Throws `SyntaxError` for others. @default none */
  readonly allowed?: readonly string[];
  /** More addresses and ranges to refuse, such as the API server's. @default none */
  readonly refused?: readonly string[];
  /** Addresses of this machine, whose own services must not be reached through a guest. @default those of its interfaces */
  readonly ownAddresses?: () => readonly string[];
}

interface NamedRange extends IpRange {
  readonly name: string;
}

/** Never served by a host a guest may want: the node's own services, metadata services that hand out credentials, no host at all. */
const REFUSED: readonly NamedRange[] = [
  ["0.0.0.0/8", "unspecified"],
  ["127.0.0.0/8", "loopback"],
  ["169.254.0.0/16", "link-local, where metadata services are"],
  ["168.63.129.16", "Azure's host service"],
  ["100.100.100.200", "a metadata service"],
  ["192.0.0.0/24", "reserved, and a metadata service"],
  ["224.0.0.0/4", "multicast"],
  ["240.0.0.0/4", "reserved or broadcast"],
  ["::", "unspecified"],
  ["::1", "loopback"],
  ["fe80::/10", "link-local"],
  ["fec0::/10", "site-local"],
  ["fd00:ec2::/32", "a metadata service"],
  ["fd20:ce::/32", "a metadata service"],
  ["ff00::/8", "multicast"],
].map(([range = "", name = ""]) => ({ ...parseIpRange(range), name }));

/** Ranges of IPv6 that reach an IPv4 address, and the byte at which it stands. */
const EMBEDDING: readonly (IpRange & { readonly at: number })[] = [
  { ...parseIpRange("::ffff:0:0/96"), at: 12 },
  { ...parseIpRange("::/96"), at: 12 },
  { ...parseIpRange("::ffff:0:0:0/96"), at: 12 },
  { ...parseIpRange("64:ff9b::/96"), at: 12 },
  { ...parseIpRange("2002::/16"), at: 2 },
];

/** Ways to IPv4 addresses that stand in too many forms to read them. */
const OPAQUE: readonly NamedRange[] = [
  { ...parseIpRange("64:ff9b:1::/48"), name: "a translated address of this network" },
  { ...parseIpRange("2001::/32"), name: "a Teredo address" },
];

/**
 * Checks addresses after names were resolved, so that a name cannot lead to what its owner may not serve. Loopback, link-local,
 * metadata, multicast, unspecified and this machine's own addresses are refused, also where IPv6 embeds them; private ranges are not,
 * as a cluster's Services are in them.
 */
export function createAddressPolicy(options: AddressPolicyOptions = {}): AddressPolicy {
  const allowed = (options.allowed ?? []).map(parseIpRange);
  const refused = [
    ...(options.refused ?? []).map((text) => ({ ...parseIpRange(text), name: "refused by this node's settings" })),
    ...REFUSED,
  ];
  const ownAddresses = options.ownAddresses ?? interfaceAddresses;
  const refusalOf = (address: IpBytes): string | undefined => {
    const range = refused.find((each) => isInRange(address, each));
    if (range) return range.name;
    return ownAddresses().some((own) => sameIp(parseIp(own), address)) ? "an address of this machine" : undefined;
  };
  return (text) => {
    const address = parseIp(text);
    if (!address) return "not an IP address";
    const forms = [address, ...embeddedIpv4(address)];
    if (forms.some((form) => allowed.some((range) => isInRange(form, range)))) return undefined;
    const opaque = OPAQUE.find((range) => isInRange(address, range));
    return opaque?.name ?? forms.map(refusalOf).find((reason) => reason !== undefined);
  };
}

function embeddedIpv4(address: IpBytes): readonly IpBytes[] {
  const range = EMBEDDING.find((each) => isInRange(address, each));
  return range ? [address.subarray(range.at, range.at + 4)] : [];
}

function sameIp(one: IpBytes | undefined, other: IpBytes): boolean {
  return one !== undefined && Buffer.compare(one, other) === 0;
}

function interfaceAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
}
