export { type BackoffPolicy, backoffDelayMs, KUBELET_BACKOFF } from "./backoff.ts";
export { concatBytes, formatBytes } from "./bytes.ts";
export { type Clock, sleep, systemClock } from "./clock.ts";
export { entryUrl } from "./entry.ts";
export { FakeClock } from "./fake-clock.ts";
export { type IpBytes, type IpRange, isInRange, parseIp, parseIpRange } from "./ip-range.ts";
export { addressOf, errno, openLibc } from "./libc.ts";
export { type LogFields, type Logger, silentLogger } from "./log.ts";
export { parseQuantity } from "./quantity.ts";
