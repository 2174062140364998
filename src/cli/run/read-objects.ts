import type { Readable } from "node:stream";
import { formatProblem, type KubernetesObject, parseManifests } from "../../kubelet/index.ts";
import { parsePodAnnotations, type PodLimits, resolveLimits } from "../../runtime/index.ts";
import { badInput } from "../failure.ts";
import { podLimitsOf, type RunFlags } from "./flags.ts";
import { readInputs, type Watched } from "./inputs.ts";
import { modulePod } from "./module-pod.ts";

/** What is to run, as the files say it now. */
export interface RunObjects {
  readonly objects: readonly KubernetesObject[];
  readonly warnings: readonly string[];
  /** Modules given as files, under the names of their images. */
  readonly images: readonly (readonly [name: string, file: string])[];
  readonly watched: readonly Watched[];
}

/** Reads manifests and modules. Throws a Failure with every error in them; nothing was started then. */
export async function readObjects(
  files: readonly string[],
  flags: RunFlags,
  { cwd, stdin }: { readonly cwd: string; readonly stdin: Readable },
): Promise<RunObjects> {
  const { manifests, modules, watched } = await readInputs(files, cwd, stdin);
  refuseModuleFlags(flags, modules);
  const pods = modules.map((file) => modulePod(file, flags, cwd));
  const documents = [...manifests, ...pods.map(({ manifest }) => manifest)];
  const limits = limitsOf(flags);
  const { objects, problems } = parseManifests(documents, {
    ...(flags.setAddress === undefined ? {} : { address: flags.setAddress }),
    checkAnnotations: (annotations) => void parsePodAnnotations(annotations, limits),
  });
  const errors = problems.filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw badInput(errors.map((problem) => formatProblem(problem)).join("\n"));
  if (!objects.some(({ kind }) => kind !== "ConfigMap" && kind !== "Secret")) {
    throw badInput("There is nothing to run: no Pod, Deployment, ReplicaSet or Job in what was given");
  }
  return {
    objects: objects.map((object) => withEnv(object, flags.env)),
    warnings: problems.filter(({ severity }) => severity === "warning").map((problem) => formatProblem(problem)),
    images: pods.map(({ image }) => image),
    watched,
  };
}

/** The limits of pods that set none of their own. Throws a Failure for a flag outside its bounds. */
function limitsOf(flags: RunFlags): PodLimits {
  try {
    return resolveLimits(podLimitsOf(flags));
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    // The rule names its annotation; the flag has the same name.
    throw badInput(cause.message.replace("wasipool.dev/", "--"), { cause });
  }
}

/** Flags that only a module without a manifest can take must not pass unseen. */
function refuseModuleFlags(flags: RunFlags, modules: readonly string[]): void {
  const given = [
    ...(flags.route === undefined ? [] : ["--route"]),
    ...(flags.address === undefined ? [] : ["--address"]),
    ...(flags.command ? ["--command"] : []),
    ...(flags.arg.length === 0 ? [] : ["--arg"]),
    ...(flags.dir.length === 0 ? [] : ["--dir"]),
    ...(flags.allowedHost.length === 0 ? [] : ["--allowed-host"]),
  ];
  if (given.length > 0 && modules.length === 0) {
    throw badInput(`${given.join(", ")}: only for a .wasm file; a manifest says this itself`);
  }
  if (flags.command && (flags.route !== undefined || flags.allowedHost.length > 0)) {
    throw badInput("--command runs the module once: it has no --route and no --allowed-host");
  }
}

/** Adds variables to every container; they win over the container's own. */
function withEnv(object: KubernetesObject, env: RunFlags["env"]): KubernetesObject {
  if (env.length === 0) return object;
  const names = new Set(env.map(([name]) => name));
  const added = env.map(([name, value]) => ({ name, value }));
  const inContainer = <C extends { readonly env: readonly { readonly name: string }[] }>(container: C): C => ({
    ...container,
    env: [...container.env.filter(({ name }) => !names.has(name)), ...added],
  });
  const inSpec = <S extends { readonly containers: readonly never[]; readonly initContainers: readonly never[] }>(
    spec: S,
  ): S => ({
    ...spec,
    containers: spec.containers.map(inContainer),
    initContainers: spec.initContainers.map(inContainer),
  });
  switch (object.kind) {
    case "ConfigMap":
    case "Secret":
      return object;
    case "Pod":
      return { ...object, spec: inSpec(object.spec as never) };
    case "Deployment":
    case "ReplicaSet":
    case "Job": {
      const { template } = object.spec;
      const changed = { ...template, spec: inSpec(template.spec as never) };
      return { ...object, spec: { ...object.spec, template: changed } } as KubernetesObject;
    }
  }
}
