export { type LimitRule, type PodLimits, resolveLimits } from "./limits.ts";
export { ANNOTATIONS } from "./names.ts";
export { parsePodAnnotations, type PodAnnotations, type WagiAnnotations } from "./pod-annotations.ts";
export type { WagiModule } from "./wagi-modules.ts";
