import { sys } from "./libc.ts";

/** Closes a descriptor of the kernel's. An error of `close` is of no use here: the descriptor is gone in any case. */
export function closeDescriptor(fd: number): void {
  sys.close(fd);
}
