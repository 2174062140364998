import { STATUS_CODES } from "node:http";
import type { RequestHead } from "./request.ts";

const EMPTY = Buffer.alloc(0);
const MS_PER_SECOND = 1000;

/** What a request is answered with. */
export interface Answer {
  readonly status: number;
  /** Header lines, each with its CRLF, names in lower case, without those about framing and connection. Bytes as Latin-1 characters. */
  readonly headers: string;
  readonly body: Buffer;
  /** Ends the connection after this answer. */
  readonly close?: boolean;
}

/** Who answers requests. One of a kind per listening socket; may be exchanged between two requests. */
export interface Application {
  /** Asks clients to go elsewhere with their next request. */
  readonly isDraining: boolean;
  /** Before a body is read: the most bytes it may have, or the answer that makes reading it pointless. */
  admit(head: RequestHead): number | Answer;
  /** Answers a request; `peer` is the client's address. `arrivedMs` is when its head was complete, on the monotonic clock. Must not throw or reject. */
  respond(head: RequestHead, body: Buffer, peer: string, arrivedMs: number): Answer | Promise<Answer>;
}

/** An answer without a body. */
export function emptyAnswer(status: number, headers = ""): Answer {
  return { status, headers, body: EMPTY };
}

/** "Come back in a second". */
export const UNAVAILABLE: Answer = emptyAnswer(503, "retry-after: 1\r\n");

/** The Date field, made once per second. */
export class DateField {
  #second = -1;
  #line = "";

  line(nowMs: number): string {
    const second = Math.floor(nowMs / MS_PER_SECOND);
    if (second !== this.#second) {
      this.#second = second;
      this.#line = `date: ${new Date(second * MS_PER_SECOND).toUTCString()}\r\n`;
    }
    return this.#line;
  }
}

/** Whether an answer with this status never has a body (RFC 9110 §6.4.1). */
export function isBodiless(status: number): boolean {
  return status === 204 || status === 304;
}

/** Status line and header lines of an answer up to the blank line; a Date is added where the answer has none. */
export function encodeHead(answer: Answer, dateLine: string, connection: "keep-alive" | "close" | ""): string {
  const { status, headers, body } = answer;
  const reason = STATUS_CODES[status] ?? "";
  const date = headers.startsWith("date:") || headers.includes("\ndate:") ? "" : dateLine;
  const length = isBodiless(status) ? "" : `content-length: ${body.length}\r\n`;
  const connectionLine = connection === "" ? "" : `connection: ${connection}\r\n`;
  return `HTTP/1.1 ${status} ${reason}\r\n${headers}${date}${length}${connectionLine}\r\n`;
}
