import type { Pod } from "../api/index.ts";
import { podKey } from "../api/index.ts";
import type { PodTemplateInstance } from "./expand.ts";
import { uidFrom } from "./uid.ts";

/**
 * Gives pods their uids: the same while what is asked for stays the same, another when it changes, and none ever again, though a pod goes
 * back to what it was.
 */
export class PodVersions {
  readonly #current = new Map<string, { readonly content: string; readonly uid: string }>();
  #made = 0;

  /** The pod with its uid. `revision` stands for what its manifest does not say. */
  take(instance: PodTemplateInstance, revision: string): Pod {
    const key = podKey(instance);
    const { metadata, spec } = instance;
    const content = JSON.stringify([metadata, spec, revision]);
    const known = this.#current.get(key);
    const uid = known?.content === content ? known.uid : uidFrom(key, content, String(this.#made++));
    this.#current.set(key, { content, uid });
    return { metadata: { ...metadata, uid }, spec };
  }

  /** Forgets pods that are not among these: should they come back, they are new. */
  keep(pods: readonly Pod[]): void {
    const kept = new Set(pods.map((pod) => podKey(pod)));
    for (const key of this.#current.keys()) if (!kept.has(key)) this.#current.delete(key);
  }
}
