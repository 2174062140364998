export { type GlobalType, HOST_EXPORTS, HOST_IMPORTS, HOST_MODULE, type StateLayout } from "./layout.ts";
