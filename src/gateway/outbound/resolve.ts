import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { AddressPolicy } from "./address-policy.ts";
import { CallFailure, CODE } from "./failure.ts";

export interface ResolvedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** Addresses of a host name. Rejects when there are none. Cannot be called off: whoever waits for it must be able to stop waiting. */
export type Resolve = (hostname: string) => Promise<readonly ResolvedAddress[]>;

/** More addresses of a name are not tried. */
const MAX_ADDRESSES = 8;

/**
 * Asks the machine's resolver, so that /etc/hosts and search domains hold. Look-ups of the same name at the same time are one; at
 * most `maxPending` names are looked up at a time, as nothing ends a look-up before its own time-out.
 */
export function systemResolver(maxPending: number): Resolve {
  const pending = new Map<string, Promise<readonly ResolvedAddress[]>>();
  return (hostname) => {
    const known = pending.get(hostname);
    if (known) return known;
    if (pending.size >= maxPending) return Promise.reject(new Error(`${maxPending} names are being resolved already`));
    const found = lookUp(hostname).finally(() => pending.delete(hostname));
    pending.set(hostname, found);
    return found;
  };
}

async function lookUp(hostname: string): Promise<readonly ResolvedAddress[]> {
  const found = await lookup(hostname, { all: true });
  return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
}

/**
 * Addresses of a URL's host that may be dialled: they are checked here, once, and no name is resolved again after that. Throws
 * `CallFailure` 11 for a name without addresses, and 7 when the policy leaves none.
 */
export async function dialableAddresses(
  hostname: string,
  resolve: Resolve,
  policy: AddressPolicy,
): Promise<readonly ResolvedAddress[]> {
  const found = await addressesOf(hostname, resolve);
  const [first] = found;
  if (!first) throw new CallFailure(CODE.requestError, `the host ${hostname} has no address`);
  const dialable = found.filter(({ address }) => policy(address) === undefined);
  if (dialable.length > 0) return dialable.slice(0, MAX_ADDRESSES);
  const reason = policy(first.address) ?? "refused";
  const host = hostname === first.address ? "" : ` of ${hostname}`;
  throw new CallFailure(CODE.destinationNotAllowed, `the address ${first.address}${host} is refused: ${reason}`);
}

async function addressesOf(hostname: string, resolve: Resolve): Promise<readonly ResolvedAddress[]> {
  const family = isIP(hostname);
  if (family === 4 || family === 6) return [{ address: hostname, family }];
  try {
    return await resolve(hostname);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CallFailure(CODE.requestError, `the host ${hostname} cannot be resolved: ${reason}`, { cause: error });
  }
}
