import { parseQuantity } from "../../base/index.ts";
import type { ContainerConfig, LinuxContainerResources } from "../../cri/index.ts";
import type { Container, Pod } from "../api/index.ts";
import { expandVariables } from "../environment/expand-variables.ts";
import { LABELS } from "../pods/pod-runtime.ts";
import type { VolumeFolder } from "../volumes/pod-volumes.ts";

export interface ContainerParts {
  readonly attempt: number;
  /** Reference by digest of the image to run. */
  readonly imageRef: string;
  readonly variables: ReadonlyMap<string, string>;
  readonly folders: readonly VolumeFolder[];
}

/** What the runtime is asked for when a container begins. */
export function containerConfig(pod: Pod, container: Container, parts: ContainerParts): ContainerConfig {
  const { attempt, imageRef, variables, folders } = parts;
  const { name, namespace, uid } = pod.metadata;
  const expand = (text: string) => expandVariables(text, variables);
  return {
    metadata: { name: container.name, attempt },
    image: { image: imageRef, userSpecifiedImage: container.image },
    command: container.command.map(expand),
    args: container.args.map(expand),
    workingDir: container.workingDir,
    envs: [...variables].map(([key, value]) => ({ key, value })),
    mounts: folders.map(({ containerPath, hostPath, readonly }) => ({ containerPath, hostPath, readonly })),
    labels: {
      [LABELS.containerName]: container.name,
      [LABELS.podName]: name,
      [LABELS.podNamespace]: namespace,
      [LABELS.podUid]: uid,
    },
    annotations: { "io.kubernetes.container.restartCount": String(attempt) },
    logPath: `${container.name}/${attempt}.log`,
    linux: { resources: resources(container) },
  };
}

const SHARES_PER_CPU = 1024;
const MIN_SHARES = 2;

/** As a kubelet translates them: weight from the request (or the limit where there is none), memory from the limit. */
function resources({ resources: { limits, requests } }: Container): LinuxContainerResources {
  const cpus = parseQuantity(requests.cpu ?? limits.cpu ?? "0");
  return {
    cpuShares: Math.max(MIN_SHARES, Math.floor(cpus * SHARES_PER_CPU)),
    memoryLimitInBytes: Math.floor(parseQuantity(limits.memory ?? "0")),
  };
}
