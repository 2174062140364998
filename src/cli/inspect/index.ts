export { inspect, type InspectFlags } from "./inspect.ts";
export { registerInspectCommand } from "./register.ts";
