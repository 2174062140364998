export * from "./error.ts";
export type * from "./image-service.ts";
export type * from "./runtime-service.ts";
