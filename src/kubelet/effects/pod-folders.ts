import path from "node:path";
import type { Pod } from "../api/index.ts";

/** Where a kubelet keeps what belongs to pods. Names come from manifests that were checked: no part of them is a path. */
export interface PodFolders {
  volumes(pod: Pod): string;
  /** Of one pod; its containers' logs lie below, in Kubernetes' layout. */
  logs(pod: Pod): string;
}

export function podFolders(root: string): PodFolders {
  return {
    volumes: ({ metadata: { uid } }) => path.join(root, "pods", uid, "volumes"),
    logs: ({ metadata: { namespace, name, uid } }) => path.join(root, "logs", `${namespace}_${name}_${uid}`),
  };
}
