import type { FileStat, StatTarget } from "../files/index.ts";
import { FileType } from "./descriptor.ts";
import type { GuestMemory } from "./guest-memory.ts";

const TYPES: Readonly<Record<StatTarget, number>> = {
  fifo: FileType.UNKNOWN,
  "character-device": FileType.CHARACTER_DEVICE,
  directory: FileType.DIRECTORY,
  "block-device": FileType.BLOCK_DEVICE,
  file: FileType.REGULAR_FILE,
  symlink: FileType.SYMBOLIC_LINK,
  socket: FileType.SOCKET_STREAM,
  unknown: FileType.UNKNOWN,
};

/** How `filestat` lies in the guest's memory; its fields are the same in both versions, not their places. */
export interface StatLayout {
  readonly bytes: number;
  write(memory: GuestMemory, pointer: number, stat: FileStat): void;
}

/** `filestat` of preview 1. */
export const previewStat: StatLayout = {
  bytes: 64,
  write({ view, bytes }, pointer, stat) {
    bytes.fill(0, pointer, pointer + 64);
    view.setBigUint64(pointer, stat.device, true);
    view.setBigUint64(pointer + 8, stat.inode, true);
    view.setUint8(pointer + 16, TYPES[stat.target]);
    view.setBigUint64(pointer + 24, BigInt(stat.links), true);
    view.setBigUint64(pointer + 32, stat.size, true);
    view.setBigInt64(pointer + 40, stat.accessedNs, true);
    view.setBigInt64(pointer + 48, stat.modifiedNs, true);
    view.setBigInt64(pointer + 56, stat.changedNs, true);
  },
};

/** `filestat` of `wasi_unstable`: the count of links has 32 bits. */
export const unstableStat: StatLayout = {
  bytes: 56,
  write({ view, bytes }, pointer, stat) {
    bytes.fill(0, pointer, pointer + 56);
    view.setBigUint64(pointer, stat.device, true);
    view.setBigUint64(pointer + 8, stat.inode, true);
    view.setUint8(pointer + 16, TYPES[stat.target]);
    view.setUint32(pointer + 20, stat.links, true);
    view.setBigUint64(pointer + 24, stat.size, true);
    view.setBigInt64(pointer + 32, stat.accessedNs, true);
    view.setBigInt64(pointer + 40, stat.modifiedNs, true);
    view.setBigInt64(pointer + 48, stat.changedNs, true);
  },
};
