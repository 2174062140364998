import path from "node:path";
import { ANNOTATIONS } from "../../runtime/index.ts";
import { badInput } from "../failure.ts";
import type { RunFlags } from "./flags.ts";

/** Registry of images that exist on this machine only; `.invalid` never resolves. */
const LOCAL_REGISTRY = "local.invalid";
const DEFAULT_ADDRESS = "127.0.0.1:3000";
const DEFAULT_ROUTE = "/...";

/** A module without a manifest: the manifest it would have, and the name its file has as an image. */
export interface ModulePod {
  readonly manifest: { readonly source: string; readonly text: string };
  readonly image: readonly [name: string, file: string];
}

/** The pod of one module: it serves at a route, or runs once as a command. Throws a Failure for flags that cannot be read. */
export function modulePod(file: string, flags: RunFlags, cwd: string): ModulePod {
  const name = nameOf(file);
  const image = `${LOCAL_REGISTRY}/${name}:latest`;
  const volumes = flags.dir.map((text, index) => folderOf(text, index, cwd));
  const container = {
    name,
    image,
    imagePullPolicy: "IfNotPresent",
    args: flags.arg,
    volumeMounts: volumes.map(({ mount }) => mount),
  };
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, annotations: flags.command ? {} : wagiAnnotations(name, flags) },
    spec: {
      restartPolicy: flags.command ? "Never" : "Always",
      containers: [container],
      volumes: volumes.map(({ volume }) => volume),
    },
  };
  return { manifest: { source: file, text: JSON.stringify(pod) }, image: [image, file] };
}

function wagiAnnotations(name: string, { route = DEFAULT_ROUTE, address = DEFAULT_ADDRESS, allowedHost }: RunFlags) {
  return {
    [ANNOTATIONS.defaultHost]: address,
    [ANNOTATIONS.modules]: JSON.stringify({ [name]: { route, allowed_hosts: allowedHost } }),
  };
}

/** A name for pod, container and image from a file's. */
function nameOf(file: string): string {
  const base = path.basename(file, ".wasm").toLowerCase();
  const name = base.replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-+|-+$/g, "");
  return name.slice(0, 63).replace(/-+$/, "") || "module";
}

/** `host:guest[:ro]`. */
function folderOf(text: string, index: number, cwd: string) {
  const parts = text.split(":");
  const isReadOnly = parts.length === 3 && parts[2] === "ro";
  const [host, guest] = parts;
  if (!host || !guest?.startsWith("/") || (parts.length !== 2 && !isReadOnly)) {
    throw badInput(`--dir ${text}: write HOST:GUEST or HOST:GUEST:ro, with an absolute path in the guest`);
  }
  const name = `dir-${index}`;
  return {
    mount: { name, mountPath: guest, readOnly: isReadOnly },
    volume: { name, hostPath: { path: path.resolve(cwd, host), type: "Directory" } },
  };
}
