export { ContainerLog } from "./container-log.ts";
export { followLog, type FollowOptions } from "./follow-log.ts";
export type { LogRecord, LogStream } from "./format.ts";
export { resolveRotation, type Rotation } from "./log-file.ts";
