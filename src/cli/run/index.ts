export { registerRunCommand } from "./register.ts";
