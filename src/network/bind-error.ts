import { getSystemErrorName } from "node:util";
import { formatAddress, type ListenAddress } from "./address.ts";

/** A listening socket could not be made. `code` is the kernel's, such as `EACCES` or `EADDRNOTAVAIL`. */
export class BindError extends Error {
  readonly code: string;
  readonly address: ListenAddress;

  constructor(code: string, address: ListenAddress, message: string) {
    super(message);
    this.name = "BindError";
    this.code = code;
    this.address = address;
  }
}

/** Another socket listens on the address, of this or any other process. */
export class AddressInUseError extends BindError {
  constructor(address: ListenAddress) {
    super("EADDRINUSE", address, `Cannot listen on ${formatAddress(address)}: another socket listens there already`);
    this.name = "AddressInUseError";
  }
}

const HINTS: Readonly<Record<string, string>> = {
  EACCES: "ports below net.ipv4.ip_unprivileged_port_start (1024) need privileges; choose a higher port",
  EPERM: "this process may not open such a socket",
  EADDRNOTAVAIL: "no interface of this machine has the address",
  EAFNOSUPPORT: "the kernel has no support for this address family",
  EMFILE: "this process has too many open files; raise its limit (ulimit -n)",
  ENFILE: "the machine has too many open files",
};

/** The error for an errno that `call` left behind. */
export function bindError(call: string, errno: number, address: ListenAddress): BindError {
  const code = getSystemErrorName(-errno);
  if (code === "EADDRINUSE") return new AddressInUseError(address);
  const why = HINTS[code];
  return new BindError(
    code,
    address,
    `Cannot listen on ${formatAddress(address)}: ${call} failed with ${code}${why ? `: ${why}` : ""}`,
  );
}
