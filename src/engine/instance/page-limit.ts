import type { StateLayout } from "../../wasm/index.ts";
import type { GuestLimits } from "../guest.ts";
import { UnusableModuleError } from "./unusable-module-error.ts";

export const PAGE_BYTES = 65_536;
const MAX_PAGES = 65_536;

/** Pages an instance may have: the module's own maximum, at most the limit. Throws `UnusableModuleError` when it needs more at once. */
export function maxPagesOf(layout: StateLayout, { memoryBytes }: GuestLimits): number {
  const { maxPages: ownMax = MAX_PAGES, minPages = 0 } = layout.memory ?? {};
  const maxPages = Math.min(ownMax, MAX_PAGES, Math.floor(memoryBytes / PAGE_BYTES));
  if (minPages <= maxPages) return maxPages;
  const needs = `The module needs ${minPages * PAGE_BYTES} bytes of memory`;
  throw new UnusableModuleError(`${needs}, more than its limit of ${memoryBytes}; raise the container's memory limit`);
}
