import type { RequestHead } from "../http/request.ts";

/** argv of a request: its undecoded path, the container's own arguments, then one per `&`-separated item of the query, undecoded. */
export function requestArguments(head: RequestHead, own: readonly Uint8Array[]): Uint8Array[] {
  const args: Uint8Array[] = [Buffer.from(head.path, "latin1"), ...own];
  if (head.query) for (const item of head.query.split("&")) args.push(Buffer.from(item, "latin1"));
  return args;
}
