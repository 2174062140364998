export { createGateway, type GatewayOptions } from "./create-gateway.ts";
export type { Gateway, ServedContainer, ServedLimits } from "./gateway.ts";
export { DEFAULT_HTTP_LIMITS, type HttpLimits } from "./http/limits.ts";
export type { AddressPolicyOptions } from "./outbound/address-policy.ts";
export type { OutboundLimits } from "./outbound/limits.ts";
export { outboundHttp, type OutboundOptions } from "./outbound/outbound-http.ts";
export { EXPERIMENTAL_HTTP, OutboundRun } from "./outbound/run.ts";
export { type Route, RouteSyntaxError } from "./wagi/route.ts";
export { type EntryRoute, MAX_ROUTES_OUTPUT_BYTES, parseRoutesOutput } from "./wagi/routes-output.ts";
