import { parseAuthority } from "./authority.ts";
import { type Authority, type HeaderBlock, type HeaderField, RequestRejected } from "./request.ts";

/** A colon must follow the name at once; anything but HTAB, visible ASCII and bytes from 0x80 is refused in the value. */
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t -~\x80-\xff]*)$/;
const DIGITS = /^\d{1,15}$/;

/**
 * Reads header lines (without the blank line that ends them; Latin-1). Throws RequestRejected: 400 for lines that are no field
 * (bare CR or LF, folding, space before the colon, control characters), for two lengths, a length beside a transfer coding,
 * any transfer coding but one `chunked`, and a bad or second Host; 431 for too many fields.
 */
export function parseHeaderBlock(text: string, maxHeaderCount: number): HeaderBlock {
  const fields = parseFields(text, maxHeaderCount);
  const transferCoding = only(fields, "transfer-encoding");
  const length = only(fields, "content-length");
  if (transferCoding !== undefined && transferCoding.toLowerCase() !== "chunked") {
    throw new RequestRejected(400, `Transfer coding "${transferCoding}" is not chunked`);
  }
  if (transferCoding !== undefined && length !== undefined) {
    throw new RequestRejected(400, "Both Content-Length and Transfer-Encoding");
  }
  if (length !== undefined && !DIGITS.test(length)) {
    throw new RequestRejected(400, `Content-Length "${length}" is not a length`);
  }
  return {
    fields,
    host: parseHost(only(fields, "host")),
    contentLength: length === undefined ? undefined : Number(length),
    isChunked: transferCoding !== undefined,
    connection: tokensOf(fields, "connection"),
    expectation: joined(fields, "expect")?.toLowerCase(),
  };
}

/** Header or trailer lines as fields, without a look at what they mean. */
export function parseFields(text: string, maxCount: number): HeaderField[] {
  const fields: HeaderField[] = [];
  let start = 0;
  while (start < text.length) {
    const next = text.indexOf("\r\n", start);
    const end = next < 0 ? text.length : next;
    if (fields.length === maxCount) throw new RequestRejected(431, `More than ${maxCount} header fields`);
    fields.push(parseField(text.slice(start, end)));
    start = end + 2;
  }
  return fields;
}

function parseField(line: string): HeaderField {
  const match = FIELD.exec(line);
  if (!match) throw new RequestRejected(400, `Header line ${JSON.stringify(line.slice(0, 80))} is not a field`);
  const [, name = "", value = ""] = match;
  return { name: name.toLowerCase(), value: trimEnd(value) };
}

/** Not String.trimEnd: that would take bytes such as 0xa0 for white space. */
function trimEnd(value: string): string {
  let end = value.length;
  while (end > 0 && (value[end - 1] === " " || value[end - 1] === "\t")) end -= 1;
  return end === value.length ? value : value.slice(0, end);
}

function only(fields: readonly HeaderField[], name: string): string | undefined {
  let found: string | undefined;
  for (const field of fields) {
    if (field.name !== name) continue;
    if (found !== undefined) throw new RequestRejected(400, `More than one ${name} field`);
    found = field.value;
  }
  return found;
}

function joined(fields: readonly HeaderField[], name: string): string | undefined {
  const values = fields.filter((field) => field.name === name).map((field) => field.value);
  return values.length === 0 ? undefined : values.join(", ");
}

function tokensOf(fields: readonly HeaderField[], name: string): ReadonlySet<string> {
  const value = joined(fields, name);
  if (value === undefined) return NO_TOKENS;
  return new Set(value.split(",").map((token) => token.trim().toLowerCase()));
}

const NO_TOKENS: ReadonlySet<string> = new Set();

function parseHost(value: string | undefined): Authority | undefined {
  if (value === undefined) return undefined;
  const authority = parseAuthority(value);
  if (!authority) throw new RequestRejected(400, `Host "${value}" is not a host`);
  return authority;
}
