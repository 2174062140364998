import type { ByteSink } from "../process.ts";
import type { InputStream } from "./input-stream.ts";

interface DescriptorBase {
  /** What the guest may do with it (`Rights`). */
  rights: number;
  /** Most that descriptors opened through it may get. */
  inheriting: number;
  /** `FdFlags` as the guest set them. */
  flags: number;
}

/** Standard input. */
export interface InputDescriptor extends DescriptorBase {
  readonly kind: "input";
  readonly stream: InputStream;
}

/** Standard output or error. */
export interface OutputDescriptor extends DescriptorBase {
  readonly kind: "output";
  sink: ByteSink;
}

/** A regular file; its position is the kernel's. Always opened by this guest and closed with it. */
export interface FileDescriptor extends DescriptorBase {
  readonly kind: "file";
  readonly hostFd: number;
  /** Opened through a read-only preopen. */
  readonly readOnly: boolean;
}

export interface DirectoryDescriptor extends DescriptorBase {
  readonly kind: "directory";
  readonly hostFd: number;
  /** Whether `hostFd` is closed with this descriptor: not for preopens, which belong to their maker. */
  readonly owned: boolean;
  readonly readOnly: boolean;
  /** Name of a preopen in the guest. */
  readonly guestPath?: Uint8Array;
  /** Own open description for listing, as the preopen's position is shared with other guests; -1 before the first listing. */
  listingFd: number;
}

/** What stands behind a number in the guest's descriptor table. */
export type Descriptor = InputDescriptor | OutputDescriptor | FileDescriptor | DirectoryDescriptor;

/** Descriptor flags of preview 1. */
export const FdFlags = { APPEND: 1, DSYNC: 2, NONBLOCK: 4, RSYNC: 8, SYNC: 16 } as const;

/** File types of preview 1. */
export const FileType = {
  UNKNOWN: 0,
  BLOCK_DEVICE: 1,
  CHARACTER_DEVICE: 2,
  DIRECTORY: 3,
  REGULAR_FILE: 4,
  SOCKET_STREAM: 6,
  SYMBOLIC_LINK: 7,
} as const;
