import type { PodSpec } from "../api/index.ts";

/** Whether a container that ended so runs again. An init container that succeeded is done in any case. */
export function restarts(policy: PodSpec["restartPolicy"], exitCode: number, isInit: boolean): boolean {
  if (isInit && exitCode === 0) return false;
  switch (policy) {
    case "Always":
      return true;
    case "OnFailure":
      return exitCode !== 0;
    case "Never":
      return false;
  }
}
