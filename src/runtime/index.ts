export {
  ANNOTATIONS,
  type LimitRule,
  parsePodAnnotations,
  type PodLimits,
  resolveLimits,
} from "./annotations/index.ts";
export {
  createOciImages,
  type ImageSource,
  type Inspection,
  inspectModule,
  type PullImageOptions,
  type StoredImage,
} from "./images/index.ts";
export { followLog, type FollowOptions, type LogRecord, type LogStream } from "./logs/index.ts";
export type { Observe, RequestCount, RouteStatus, RuntimeEvent } from "./observe.ts";
export { createRuntime, type Runtime, type RuntimeOptions, type RuntimeSettings } from "./runtime.ts";
