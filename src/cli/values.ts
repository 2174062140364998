import { InvalidArgumentError } from "commander";
import { parseIpRange, parseQuantity } from "../base/index.ts";

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/;
const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** `500ms`, `30s`, `1.5m`, `2h` in milliseconds. */
export function durationMs(text: string): number {
  const match = DURATION.exec(text);
  if (!match) throw new InvalidArgumentError("Give a number and a unit: 500ms, 30s, 2m, 1h.");
  return Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
}

/** `64Ki`, `10Mi`, `1G` or plain bytes, as Kubernetes writes sizes. */
export function byteSize(text: string): number {
  const bytes = quantity(text);
  if (bytes === undefined || bytes < 1 || !Number.isSafeInteger(bytes)) {
    throw new InvalidArgumentError("Give whole bytes or a size as Kubernetes writes it: 64Ki, 10Mi, 1Gi.");
  }
  return bytes;
}

function quantity(text: string): number | undefined {
  try {
    return parseQuantity(text);
  } catch {
    return undefined;
  }
}

/** A whole number of at least 1. */
export function count(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("Give a whole number of at least 1.");
  return Number(text);
}

/** An IP address, or a range of them such as `10.0.0.0/8`; answers the text. */
export function ipRange(text: string): string {
  try {
    parseIpRange(text);
  } catch {
    throw new InvalidArgumentError("Give an IP address or a range of them: 127.0.0.1, 10.0.0.0/8, ::1.");
  }
  return text;
}

/** Splits `NAME=VALUE` at the first `=`; `name` says what the left side is in the error. */
export function pair(text: string, name: string): readonly [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError(`Give ${name}=VALUE.`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** Adds one parsed value to those of the same flag before it. */
export function repeated<Value>(parse: (text: string) => Value): (text: string, before: readonly Value[]) => Value[] {
  return (text, before) => [...before, parse(text)];
}
