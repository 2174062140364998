// Manifests for tests.

interface PodOptions {
  readonly restartPolicy?: "Always" | "OnFailure" | "Never";
  readonly initContainers?: readonly object[];
  readonly volumes?: readonly object[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A pod as JSON, which is YAML too. */
export function pod(name: string, containers: readonly object[], options: PodOptions = {}): string {
  const { annotations = {}, restartPolicy = "Never", ...rest } = options;
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, annotations },
    spec: { restartPolicy, containers, ...rest },
  });
}

/** Annotations of a WAGI pod. */
export function wagi(port: number, modules: object): Record<string, string> {
  return {
    "alpha.wagi.krustlet.dev/default-host": `127.0.0.1:${port}`,
    "alpha.wagi.krustlet.dev/modules": JSON.stringify(modules),
  };
}
