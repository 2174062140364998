import { createSecureContext, rootCertificates, type SecureContext } from "node:tls";
import type { Clock, Logger } from "../../base/index.ts";
import type { HostFunction, HostInstance, HostModule } from "../../engine/index.ts";
import { Budget } from "../http/budget.ts";
import { type AddressPolicyOptions, createAddressPolicy } from "./address-policy.ts";
import type { OutboundThread } from "./exchange.ts";
import { DEFAULT_OUTBOUND_LIMITS, type OutboundLimits } from "./limits.ts";
import { RequestFunction } from "./request-function.ts";
import { type Resolve, systemResolver } from "./resolve.ts";
import { responseFunctions } from "./response-functions.ts";
import { EXPERIMENTAL_HTTP, OutboundRun } from "./run.ts";

export interface OutboundOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Differences from `DEFAULT_OUTBOUND_LIMITS`. */
  readonly limits?: Partial<OutboundLimits>;
  /** Which addresses may be dialled. @default none that lead to this machine, its link or a metadata service */
  readonly addresses?: AddressPolicyOptions;
  /** Certificates of authorities, as PEM, trusted beside those that Node brings. @default none */
  readonly certificateAuthorities?: readonly string[];
  /** @default the machine's resolver */
  readonly resolve?: Resolve;
}

const NOTHING_ALLOWED = new OutboundRun([]);

/**
 * The host module `wasi_experimental_http` of one thread: guests call the servers that their run's `OutboundRun` allows. A run
 * without one may call nothing. Throws `SyntaxError` for addresses that cannot be read.
 */
export function outboundHttp(options: OutboundOptions): HostModule {
  const limits = { ...DEFAULT_OUTBOUND_LIMITS, ...options.limits };
  let secureContext: SecureContext | undefined;
  const thread: OutboundThread = {
    clock: options.clock,
    limits,
    resolve: options.resolve ?? systemResolver(limits.maxCalls),
    policy: createAddressPolicy(options.addresses),
    budget: new Budget(limits.maxBufferedBytes),
    secureContext: () => (secureContext ??= createSecureContext(trust(options.certificateAuthorities))),
  };
  const request = new RequestFunction(thread, options.log);
  return {
    name: EXPERIMENTAL_HTTP,
    suspending: new Set(["req"]),
    instantiate: (instance) => functionsOf(instance, request),
  };
}

function functionsOf(instance: HostInstance, request: RequestFunction): Readonly<Record<string, HostFunction>> {
  const run = () => runOf(instance);
  return {
    req: (url, urlLength, method, methodLength, headers, headersLength, body, bodyLength, statusOut, handleOut) =>
      request.run(instance, run(), {
        url: [url, urlLength],
        method: [method, methodLength],
        headers: [headers, headersLength],
        body: [body, bodyLength],
        statusOut,
        handleOut,
      }),
    ...responseFunctions(instance.memory, run),
  };
}

function runOf(instance: HostInstance): OutboundRun {
  const run = instance.invocation().host?.[EXPERIMENTAL_HTTP];
  return run instanceof OutboundRun ? run : NOTHING_ALLOWED;
}

function trust(authorities: readonly string[] = []): { ca?: string[] } {
  return authorities.length === 0 ? {} : { ca: [...rootCertificates, ...authorities] };
}
