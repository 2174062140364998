export { closeDescriptor } from "./close-descriptor.ts";
export { type DirectoryEntry, readEntries } from "./directory-entries.ts";
export { FileStat, type StatTarget } from "./file-stat.ts";
export { sys } from "./libc.ts";
export { LinuxError, Open } from "./linux.ts";
export { kernelDecides, type OpenBeneath, openBeneath } from "./open-beneath.ts";
export { withParent } from "./parent.ts";
export { walkBeneath } from "./walk-beneath.ts";
