import type { Clock } from "../../base/index.ts";
import { closeDescriptor, type OpenBeneath } from "../files/index.ts";
import type { WasiLimits } from "../limits.ts";
import type { Preopen, WasiProcess } from "../process.ts";
import type { Descriptor, DirectoryDescriptor, InputDescriptor, OutputDescriptor } from "./descriptor.ts";
import { FdTable } from "./fd-table.ts";
import { GuestMemory } from "./guest-memory.ts";
import { InputStream } from "./input-stream.ts";
import { DIRECTORY_RIGHTS, FILE_RIGHTS, STREAM_RIGHTS } from "./rights.ts";
import { ProcExit, WouldBlock } from "./unwinding.ts";

/** How a host answers a guest that has to wait; see `Preview1Options.mode`. */
export type WaitMode = "fast" | "sliced" | "blocking";

/** What a host is made with, all defaults resolved. */
export interface HostSettings {
  readonly mode: WaitMode;
  readonly clock: Clock;
  readonly cpuTimeMs: () => number;
  readonly limits: WasiLimits;
  readonly openBeneath: OpenBeneath;
}

const NO_STRINGS: readonly Uint8Array[] = [];
const NO_PREOPENS: readonly Preopen[] = [];
const encoder = new TextEncoder();

/**
 * State that the host functions of one instance share: its memory, descriptors and what the current run was given.
 * `begin` and `end` allocate nothing when the guest has no preopens and opened nothing.
 */
export class GuestProcess {
  readonly settings: HostSettings;
  readonly memory = new GuestMemory();
  readonly fds = new FdTable();
  args = NO_STRINGS;
  env = NO_STRINGS;

  readonly #stdin: InputDescriptor = { kind: "input", stream: new InputStream(), rights: 0, inheriting: 0, flags: 0 };
  readonly #stdout: OutputDescriptor = output();
  readonly #stderr: OutputDescriptor = output();
  #exit: ProcExit | undefined;
  #cancelPending: ((reason: Error) => void) | undefined;
  #openFiles = 0;

  constructor(settings: HostSettings) {
    this.settings = settings;
  }

  begin(process: WasiProcess): void {
    this.args = process.args;
    this.env = process.env;
    this.#stdin.stream.begin(process.stdin);
    this.#stdout.sink = process.stdout;
    this.#stderr.sink = process.stderr;
    this.fds.set(0, reset(this.#stdin));
    this.fds.set(1, reset(this.#stdout));
    this.fds.set(2, reset(this.#stderr));
    const preopens = process.preopens.length === 0 ? NO_PREOPENS : process.preopens;
    for (let index = 0; index < preopens.length; index++)
      this.fds.set(3 + index, preopened(preopens[index] as Preopen));
  }

  /** Closes what the guest opened and forgets the run. Something it still waits for is rejected. */
  end(): void {
    if (this.#cancelPending) this.cancel(new Error("The run has ended"));
    for (const descriptor of this.fds) if (descriptor) this.#close(descriptor);
    this.fds.clear();
    this.args = NO_STRINGS;
    this.env = NO_STRINGS;
    this.#stdin.stream.begin(undefined);
    this.#stdout.sink = NO_SINK;
    this.#stderr.sink = NO_SINK;
  }

  /** Leaves the guest with an exit code. */
  exit(code: number): never {
    this.#exit ??= new ProcExit();
    this.#exit.code = code;
    throw this.#exit;
  }

  /** Whether one more file may be opened. */
  get canOpen(): boolean {
    return this.#openFiles < this.settings.limits.openFiles;
  }

  /** Adds a descriptor the guest opened; answers its number. The table owns it from now on. */
  open(descriptor: Descriptor): number {
    this.#openFiles++;
    return this.fds.add(descriptor);
  }

  /** Takes a descriptor out of the table and closes what is behind it. */
  close(fd: number, descriptor: Descriptor): void {
    this.fds.remove(fd);
    this.#close(descriptor);
  }

  /** To be called before a change of files or folders: a fast run ends here, as it may be run again. */
  beforeEffect(): void {
    if (this.settings.mode === "fast") throw new WouldBlock("effect");
  }

  /** Suspends the guest until `event`; `cancel` rejects it. Only in mode "sliced". */
  suspend<T>(event: Promise<T>): Promise<T> {
    if (this.settings.mode === "fast") throw new WouldBlock("wait");
    if (this.settings.mode === "blocking") this.waitsInVain();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#cancelPending = reject;
    void event.then(resolve, reject);
    return promise.finally(() => {
      this.#cancelPending = undefined;
    });
  }

  /** Whoever gives a blocking guest promises has made a mistake: they cannot settle while it holds the thread. */
  waitsInVain(): never {
    throw new TypeError("A guest that blocks its thread cannot wait for a promise");
  }

  /** Rejects what the guest waits for; answers whether it waited. */
  cancel(reason: Error): boolean {
    const cancelPending = this.#cancelPending;
    this.#cancelPending = undefined;
    cancelPending?.(reason);
    return cancelPending !== undefined;
  }

  #close(descriptor: Descriptor): void {
    if (descriptor.kind === "file") {
      this.#openFiles--;
      closeDescriptor(descriptor.hostFd);
    } else if (descriptor.kind === "directory") {
      if (descriptor.listingFd >= 0) closeDescriptor(descriptor.listingFd);
      if (!descriptor.owned) return;
      this.#openFiles--;
      closeDescriptor(descriptor.hostFd);
    }
  }
}

const NO_SINK = { write: () => {} };

function output(): OutputDescriptor {
  return { kind: "output", sink: NO_SINK, rights: 0, inheriting: 0, flags: 0 };
}

function reset<T extends InputDescriptor | OutputDescriptor>(descriptor: T): T {
  descriptor.rights = STREAM_RIGHTS;
  descriptor.inheriting = 0;
  descriptor.flags = 0;
  return descriptor;
}

function preopened(preopen: Preopen): DirectoryDescriptor {
  return {
    kind: "directory",
    hostFd: preopen.fd,
    owned: false,
    readOnly: preopen.readOnly,
    guestPath: encoder.encode(preopen.guestPath),
    listingFd: -1,
    rights: DIRECTORY_RIGHTS,
    inheriting: DIRECTORY_RIGHTS | FILE_RIGHTS,
    flags: 0,
  };
}
