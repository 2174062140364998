export type { Gateway, ServedContainer, ServedLimits } from "./gateway.ts";
