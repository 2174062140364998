import { isUtf8 } from "node:buffer";
import type { Answer } from "../http/answer.ts";

const CR = 13;
const LF = 10;
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t -~\x80-\xff]*$/;
const STATUS = /^\d{3}$/;
const INSUFFICIENT = Buffer.from("Exactly one of 'location' or 'content-type' must be specified");
const EMPTY = Buffer.alloc(0);
/** About the connection and its framing, which are ours. */
const WITHHELD: ReadonlySet<string> = new Set(
  "connection keep-alive proxy-connection te trailer transfer-encoding upgrade content-length".split(" "),
);

/** A module's output as an answer; `problem` is for the container's log when the module got something wrong. */
export interface ParsedResponse extends Answer {
  readonly problem?: string;
}

/** The head of a module's output: what it says, and what to do about it. */
interface ParsedHead {
  readonly status: number;
  readonly headers: string;
  /** Whether the module's own body follows; else `body`. */
  readonly keepsBody: boolean;
  readonly body: Buffer;
  readonly problem?: string;
}

/**
 * Reads the output of a module (spec/wagi.md §5.3 with the decisions at its end): header lines, a blank line, the body.
 * Line ends may be CRLF in the header block. 502 when the block exceeds `maxHeaderBytes` or its Status is none.
 */
export class ResponseParser {
  readonly #maxHeaderBytes: number;
  /** Modules repeat their headers from run to run: read them once. */
  #lastBlock: string | undefined;
  #lastHead: ParsedHead | undefined;

  constructor(maxHeaderBytes: number) {
    this.#maxHeaderBytes = maxHeaderBytes;
  }

  parse(output: Buffer): ParsedResponse {
    const end = findBlankLine(output, this.#maxHeaderBytes);
    if (end === undefined) return this.#withoutBlankLine(output);
    const block = output.toString("latin1", 0, end.block);
    if (this.#lastHead === undefined || this.#lastBlock !== block) {
      this.#lastHead = parseHead(output.subarray(0, end.block), block);
      this.#lastBlock = block;
    }
    const { status, headers, keepsBody, body, problem } = this.#lastHead;
    const answer = { status, headers, body: keepsBody ? output.subarray(end.body) : body };
    return problem === undefined ? answer : { ...answer, problem };
  }

  #withoutBlankLine(output: Buffer): ParsedResponse {
    if (output.length <= this.#maxHeaderBytes) {
      return { status: 500, headers: "", body: INSUFFICIENT, problem: "its output has no blank line after headers" };
    }
    const problem = `its output has no blank line within ${this.#maxHeaderBytes} bytes`;
    return { status: 502, headers: "", body: EMPTY, problem };
  }
}

/** Where the header block ends and the body starts: a line feed followed by another, carriage returns aside. */
function findBlankLine(output: Buffer, maxHeaderBytes: number): { block: number; body: number } | undefined {
  for (let at = output.indexOf(LF); at >= 0 && at <= maxHeaderBytes; at = output.indexOf(LF, at + 1)) {
    let next = at + 1;
    while (output[next] === CR) next += 1;
    if (output[next] === LF) return { block: at, body: next + 1 };
  }
  return undefined;
}

function parseHead(bytes: Buffer, block: string): ParsedHead {
  if (!isUtf8(bytes)) return failure(500, "its headers are not UTF-8");
  const lines = block
    .replaceAll("\r", "")
    .split("\n")
    .filter((line) => trim(line) !== "");
  const fields = lines.map((line) => splitField(line));
  const sent = fields.filter(([name]) => name !== "");
  const status = sent.findLast(([name]) => name === "status")?.[1];
  const location = sent.findLast(([name]) => name === "location")?.[1];
  const contentType = sent.findLast(([name]) => name === "content-type")?.[1];
  if (status === undefined && location === undefined && contentType === undefined) {
    return { ...failure(500, "its headers have neither content-type, location nor status"), body: INSUFFICIENT };
  }
  const bad = sent.find(([, value]) => !VALUE.test(value));
  if (bad) return failure(500, `header ${JSON.stringify(bad[0].slice(0, 80))} has a control character in its value`);
  const headers = headerLines(sent, { location, "content-type": contentType });
  const code = status === undefined ? (location === undefined ? 200 : 302) : parseStatus(status);
  const common = { headers, keepsBody: true, body: EMPTY };
  if (code !== undefined && sent.length === fields.length) return { ...common, status: code };
  if (code !== undefined) {
    const dropped = lines[fields.findIndex(([name]) => name === "")] ?? "";
    return {
      ...common,
      status: code,
      problem: `its header line ${JSON.stringify(dropped.slice(0, 80))} is no field; dropped`,
    };
  }
  return {
    ...common,
    status: 502,
    problem: `its status ${JSON.stringify(status?.slice(0, 80))} is not within 200-999`,
  };
}

function failure(status: number, problem: string): ParsedHead {
  return { status, headers: "", keepsBody: false, body: EMPTY, problem };
}

/** Name in lower case and value of a line; an empty name for a line that is no field. */
function splitField(line: string): [string, string] {
  const colon = line.indexOf(":");
  if (colon < 0) return ["", ""];
  const name = trim(line.slice(0, colon));
  return NAME.test(name) ? [name.toLowerCase(), trim(line.slice(colon + 1))] : ["", ""];
}

/** Space and tab only: String.trim would take bytes such as 0xa0 for white space. */
function trim(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, "");
}

/** Content-Type and Location are sent once, the last of each; other fields as often as the module printed them. */
function headerLines(
  fields: readonly [string, string][],
  single: Readonly<Record<string, string | undefined>>,
): string {
  const others = fields.filter(([name]) => name !== "status" && !Object.hasOwn(single, name) && !WITHHELD.has(name));
  const singles = Object.entries(single).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, value]],
  );
  return [...singles, ...others].map(([name, value]) => `${name}: ${value}\r\n`).join("");
}

/** Undefined for what is no final status: a client would wait for another answer after 1xx. */
function parseStatus(text: string): number | undefined {
  const [code = ""] = text.split(" ");
  return STATUS.test(code) && Number(code) >= 200 ? Number(code) : undefined;
}
