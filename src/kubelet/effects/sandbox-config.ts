import type { PodSandboxConfig } from "../../cri/index.ts";
import type { Pod } from "../api/index.ts";
import { LABELS } from "../pods/pod-runtime.ts";

/** Annotation by which a sandbox asks for the listener of the one before it. */
const TAKEOVER = "wasipool.dev/takeover";
const MAX_HOSTNAME_LENGTH = 63;

export interface SandboxOptions {
  readonly attempt: number;
  readonly logDirectory: string;
  /** Sandbox whose listener this one takes over. */
  readonly takeoverFrom?: string | undefined;
}

/** What the runtime is asked for when a pod begins. */
export function sandboxConfig(pod: Pod, { attempt, logDirectory, takeoverFrom }: SandboxOptions): PodSandboxConfig {
  const { metadata, spec } = pod;
  const { name, namespace, uid } = metadata;
  return {
    metadata: { name, namespace, uid, attempt },
    hostname: spec.hostname ?? name.slice(0, MAX_HOSTNAME_LENGTH).replace(/[-.]+$/, ""),
    logDirectory,
    portMappings: spec.containers.flatMap(({ ports }) =>
      ports.map(({ protocol, containerPort, hostPort = 0, hostIP = "" }) => ({
        protocol,
        containerPort,
        hostPort,
        hostIp: hostIP,
      })),
    ),
    labels: {
      ...metadata.labels,
      [LABELS.podName]: name,
      [LABELS.podNamespace]: namespace,
      [LABELS.podUid]: uid,
    },
    annotations: { ...metadata.annotations, ...(takeoverFrom === undefined ? {} : { [TAKEOVER]: takeoverFrom }) },
    linux: { network: spec.hostNetwork ? "NODE" : "POD" },
  };
}
