/** A host and, where one was given, its port. */
export interface Authority {
  /** Name or address as sent; IPv6 addresses in brackets. */
  readonly host: string;
  readonly port: number | undefined;
}

export interface HeaderField {
  /** In lower case. */
  readonly name: string;
  /** Without white space around it. Bytes as Latin-1 characters. */
  readonly value: string;
}

/** The header fields of a request and what they say about framing. Requests with equal header text may share one object. */
export interface HeaderBlock {
  /** In the order sent; repeated fields stay apart. */
  readonly fields: readonly HeaderField[];
  readonly host: Authority | undefined;
  /** Undefined when there is no such field. */
  readonly contentLength: number | undefined;
  readonly isChunked: boolean;
  /** Tokens of all Connection fields, in lower case. */
  readonly connection: ReadonlySet<string>;
  /** The Expect field in lower case. */
  readonly expectation: string | undefined;
}

/** A request without its body. */
export interface RequestHead {
  readonly method: string;
  /** Undecoded path: from `/` to before `?`; `*` for `OPTIONS *`. */
  readonly path: string;
  /** What follows the first `?`, undecoded. Undefined without a `?`. */
  readonly query: string | undefined;
  /** From an absolute-form target, else from the Host field; undefined for HTTP/1.0 without one. */
  readonly authority: Authority | undefined;
  /** 0 for HTTP/1.0, 1 for HTTP/1.1. */
  readonly minorVersion: 0 | 1;
  readonly headers: HeaderBlock;
  /** Whether the client wants to go on using the connection. */
  readonly keepAlive: boolean;
}

/** Status of an answer to a request that the front refuses by itself. */
export type RejectedStatus = 400 | 408 | 413 | 414 | 417 | 431 | 501 | 503 | 505;

/** A request that cannot be read or will not be; its connection ends after the answer. The message is for logs only. */
export class RequestRejected extends Error {
  readonly status: RejectedStatus;

  constructor(status: RejectedStatus, message: string) {
    super(message);
    this.status = status;
  }
}
