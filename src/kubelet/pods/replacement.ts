/** One version of a pod: those of one namespace and name, told apart by uid. */
export interface PodVersion {
  readonly uid: string;
  readonly isWanted: boolean;
  /** Begun beside its predecessor, if it can be. Counts for the wanted one. */
  readonly mayTakeOver: boolean;
  /** Address it listens on as text; undefined for a pod without HTTP. */
  readonly address: string | undefined;
  readonly isStarted: boolean;
  readonly isEnding: boolean;
  /** No action of it is under way, and it has looked at its pod since the last one. */
  readonly isIdle: boolean;
  readonly listener: "none" | "awaited" | "held";
  readonly hasSandbox: boolean;
}

export type ReplacementStep =
  | { readonly kind: "start"; readonly uid: string; readonly besideUid?: string }
  | { readonly kind: "freeze"; readonly uid: string }
  | { readonly kind: "resume"; readonly uid: string }
  | { readonly kind: "end"; readonly uid: string };

/**
 * What to do with the versions of one pod, oldest first; called again after each change. Without takeover the old ones end before the new
 * one begins. With it, the one that holds the listening socket goes on serving until the new one serves in its place; others that are not
 * wanted are kept from beginning anything, so that none can get the socket unseen, and end as soon as they are still.
 */
export function planReplacement(versions: readonly PodVersion[]): readonly ReplacementStep[] {
  const wanted = versions.find(({ isWanted }) => isWanted);
  const others = versions.filter((version) => version !== wanted);
  if (!wanted) return endAll(others);
  if (others.length === 0) return startOf(wanted);
  const server = others.findLast((version) => canGive(version, wanted));
  if (!server) return endAll(others);
  const rest = others.filter((version) => version !== server && !version.isEnding);
  if (rest.some(({ isIdle }) => !isIdle)) return rest.map(({ uid }): ReplacementStep => ({ kind: "freeze", uid }));
  if (wanted.isStarted && wanted.listener === "held") return endAll([server, ...rest]);
  const resume: readonly ReplacementStep[] = [{ kind: "resume", uid: server.uid }];
  return [...endAll(rest), ...resume, ...startOf(wanted, server.uid)];
}

/** Whether the wanted version can begin beside this one and take its place. */
function canGive({ isEnding, listener, address, hasSandbox }: PodVersion, wanted: PodVersion): boolean {
  if (!wanted.mayTakeOver || isEnding || listener !== "held" || !hasSandbox) return false;
  return address !== undefined && address === wanted.address;
}

function startOf({ uid, isStarted }: PodVersion, besideUid?: string): readonly ReplacementStep[] {
  if (isStarted) return [];
  return [{ kind: "start", uid, ...(besideUid === undefined ? {} : { besideUid }) }];
}

function endAll(versions: readonly PodVersion[]): readonly ReplacementStep[] {
  return versions.filter(({ isEnding }) => !isEnding).map(({ uid }) => ({ kind: "end", uid }));
}
