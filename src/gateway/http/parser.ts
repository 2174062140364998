import { type BodyReader, lengthBody } from "./body.ts";
import { ByteQueue } from "./byte-queue.ts";
import { ChunkedBody } from "./chunked-body.ts";
import { parseHeaderBlock } from "./header-block.ts";
import type { HttpLimits } from "./limits.ts";
import { type HeaderBlock, type RequestHead, RequestRejected } from "./request.ts";
import { parseRequestLine, type RequestLine } from "./request-line.ts";

const LF = 10;
const CR = 13;
const UPPER_A = 65;
const UPPER_Z = 90;
/** Heads are looked for in this much first, which holds nearly all of them. */
const WINDOW_BYTES = 4096;
/** "\r\n\r\n" between the last header line and what follows. */
const HEAD_END = "\r\n\r\n";

/**
 * Reads the requests of one connection, strictly, out of bytes as they come: push what arrived, then take a head and its body
 * as soon as they are there. What follows them waits, so nothing is read ahead of its turn. Pure: no clock, no socket.
 * Every way to write a request that two parsers might read differently is refused (request smuggling, RFC 9112 §11.2).
 */
export class RequestParser {
  readonly #limits: HttpLimits;
  readonly #queue = new ByteQueue();
  /** How much of the queue is known to hold no end of a head. */
  #scanned = 0;
  #skippedEmptyLine = false;
  #body: BodyReader | undefined;
  /** Clients repeat their headers from request to request: read them once. */
  #lastBlockText: string | undefined;
  #lastBlock: HeaderBlock | undefined;

  constructor(limits: HttpLimits) {
    this.#limits = limits;
  }

  /** Bytes held: unread ones and the body so far. */
  get heldBytes(): number {
    return this.#queue.length + (this.#body?.heldBytes ?? 0);
  }

  /** Whether the first bytes of a request are there. */
  get hasUnread(): boolean {
    return this.#queue.length > 0;
  }

  push(chunk: Buffer): void {
    this.#queue.push(chunk);
  }

  /** The next head, or undefined while it is not complete. Throws RequestRejected; the parser is of no use after that. */
  readHead(): RequestHead | undefined {
    if (!this.#startsRequest()) return undefined;
    const text = this.#takeHead();
    if (text === undefined) return undefined;
    this.#skippedEmptyLine = false;
    return this.#parseHead(text);
  }

  /** Makes ready for the body of a head that announces one. Throws RequestRejected (413) when it announces too much. */
  startBody(head: RequestHead, maxBytes: number): void {
    const { contentLength = 0, isChunked } = head.headers;
    if (contentLength > maxBytes) {
      throw new RequestRejected(413, `Body of ${contentLength} bytes exceeds its limit of ${maxBytes} bytes`);
    }
    this.#body = isChunked ? new ChunkedBody(maxBytes, this.#limits) : lengthBody(contentLength);
  }

  /** The body once it is complete. Throws RequestRejected (400, 413, 431). */
  readBody(): Buffer | undefined {
    const body = this.#body?.read(this.#queue);
    if (body) this.#body = undefined;
    return body;
  }

  /** Says whether there is a request line to look at, past one empty line (RFC 9112 §2.2). */
  #startsRequest(): boolean {
    const queue = this.#queue;
    if (queue.length === 0) return false;
    if (queue.at(0) === CR && !this.#skippedEmptyLine) {
      if (queue.length === 1) return false;
      if (queue.at(1) !== LF) throw new RequestRejected(400, "Bare CR");
      queue.drop(2);
      this.#skippedEmptyLine = true;
      return this.#startsRequest();
    }
    const first = queue.at(0);
    if (first < UPPER_A || first > UPPER_Z) throw new RequestRejected(400, "No method where a request must start");
    return true;
  }

  #takeHead(): string | undefined {
    const queue = this.#queue;
    if (this.#scanned === 0) {
      const text = queue.text(0, WINDOW_BYTES);
      const end = text.indexOf(HEAD_END);
      if (end >= 0) {
        queue.drop(end + HEAD_END.length);
        return text.slice(0, end);
      }
    }
    const end = this.#findHeadEnd();
    if (end === undefined) return undefined;
    const text = queue.text(0, end - 3);
    queue.drop(end + 1);
    this.#scanned = 0;
    return text;
  }

  /** Index of the last byte of a head, looking only at bytes not seen before. */
  #findHeadEnd(): number | undefined {
    const queue = this.#queue;
    for (let from = this.#scanned; ;) {
      const at = queue.indexOf(LF, from);
      if (at < 0) break;
      if (queue.at(at - 1) !== CR) throw new RequestRejected(400, "Bare LF");
      if (queue.at(at - 2) === LF) return at;
      from = at + 1;
      this.#scanned = from;
    }
    this.#checkUnfinishedHead();
    return undefined;
  }

  #checkUnfinishedHead(): void {
    const { maxRequestLineBytes, maxHeaderBytes } = this.#limits;
    if (this.#scanned === 0 && this.#queue.length > maxRequestLineBytes + 1) throw requestLineTooLong(this.#limits);
    if (this.#queue.length > maxRequestLineBytes + maxHeaderBytes + HEAD_END.length) throw headersTooLong(this.#limits);
  }

  #parseHead(text: string): RequestHead {
    const lineEnd = text.indexOf("\r\n");
    const lineText = lineEnd < 0 ? text : text.slice(0, lineEnd);
    const blockText = lineEnd < 0 ? "" : text.slice(lineEnd + 2);
    if (lineText.length > this.#limits.maxRequestLineBytes) throw requestLineTooLong(this.#limits);
    if (blockText.length > this.#limits.maxHeaderBytes) throw headersTooLong(this.#limits);
    return requestHead(parseRequestLine(lineText), this.#headers(blockText));
  }

  #headers(text: string): HeaderBlock {
    if (this.#lastBlock && this.#lastBlockText === text) return this.#lastBlock;
    this.#lastBlock = parseHeaderBlock(text, this.#limits.maxHeaderCount);
    this.#lastBlockText = text;
    return this.#lastBlock;
  }
}

/** A request line and its header fields as one. Throws RequestRejected (400) when they do not fit together. */
export function requestHead(line: RequestLine, headers: HeaderBlock): RequestHead {
  const { method, path, query, authority, minorVersion } = line;
  checkFraming(headers, minorVersion);
  const { connection } = headers;
  const keepAlive = !connection.has("close") && (minorVersion === 1 || connection.has("keep-alive"));
  return { method, path, query, authority: authority ?? headers.host, minorVersion, headers, keepAlive };
}

/** Says whether a body follows a head. */
export function announcesBody(head: RequestHead): boolean {
  return head.headers.isChunked || (head.headers.contentLength ?? 0) > 0;
}

function checkFraming(headers: HeaderBlock, minorVersion: 0 | 1): void {
  if (minorVersion === 1 && !headers.host) throw new RequestRejected(400, "No Host field in HTTP/1.1");
  if (minorVersion === 0 && headers.isChunked) throw new RequestRejected(400, "Transfer-Encoding in HTTP/1.0");
}

function requestLineTooLong(limits: HttpLimits): RequestRejected {
  return new RequestRejected(414, `Request line exceeds ${limits.maxRequestLineBytes} bytes`);
}

function headersTooLong(limits: HttpLimits): RequestRejected {
  return new RequestRejected(431, `Header fields exceed ${limits.maxHeaderBytes} bytes`);
}
