import { CriError } from "../cri/index.ts";
import {
  AddressInUseError,
  bindListener,
  coversAddress,
  findPortHolder,
  formatAddress,
  type ListenAddress,
  type Listener,
  parseListenAddress,
} from "../network/index.ts";

/** The runtime's listening sockets: one a sandbox, kept here so that connections wait in the kernel while a shim is replaced. */
export class Listeners implements Disposable {
  readonly #bySandbox = new Map<string, Listener>();
  /** Says whose sandbox it is, for messages. */
  readonly #nameOf: (sandbox: string) => string;

  constructor(nameOf: (sandbox: string) => string) {
    this.#nameOf = nameOf;
  }

  /** Binds `address` for a sandbox. Throws CriError ALREADY_EXISTS when it is taken, INVALID_ARGUMENT when it cannot be bound. */
  bind(sandbox: string, address: ListenAddress): Listener {
    try {
      const listener = bindListener(address);
      this.#bySandbox.set(sandbox, listener);
      return listener;
    } catch (cause) {
      if (!(cause instanceof AddressInUseError))
        throw new CriError("INVALID_ARGUMENT", (cause as Error).message, { cause });
      throw new CriError("ALREADY_EXISTS", `Cannot listen on ${formatAddress(address)}: ${this.#holderOf(address)}`, {
        cause,
      });
    }
  }

  of(sandbox: string): Listener | undefined {
    return this.#bySandbox.get(sandbox);
  }

  /** Gives the socket of `from` to `to`. */
  move(from: string, to: string): void {
    const listener = this.#bySandbox.get(from);
    if (!listener) throw new Error(`Sandbox ${from} has no listening socket to give to ${to}`);
    this.#bySandbox.delete(from);
    this.#bySandbox.set(to, listener);
  }

  /** Closes the sandbox's socket, if it has one. */
  close(sandbox: string): void {
    this.#bySandbox.get(sandbox)?.close();
    this.#bySandbox.delete(sandbox);
  }

  [Symbol.dispose](): void {
    for (const sandbox of this.#bySandbox.keys()) this.close(sandbox);
  }

  #holderOf(address: ListenAddress): string {
    const holder = [...this.#bySandbox].find(([, listener]) => coversAddress(listener.address, address));
    if (holder) return `pod ${this.#nameOf(holder[0])} listens there`;
    const other = findPortHolder(address.port);
    return `another process listens there${other ? `: ${other.name} (pid ${other.pid})` : ""}`;
  }
}

/** Reads an address, as INVALID_ARGUMENT when it is malformed. */
export function readAddress(source: string, text: string): ListenAddress {
  try {
    return parseListenAddress(text);
  } catch (cause) {
    throw new CriError("INVALID_ARGUMENT", `${source}: ${(cause as Error).message}`, { cause });
  }
}
