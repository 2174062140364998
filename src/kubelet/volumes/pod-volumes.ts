import { mkdir, realpath, rm, stat } from "node:fs/promises";
import path from "node:path";
import type { Container, Pod, Volume } from "../api/index.ts";
import { writeVolume } from "./atomic-writer.ts";
import { type OpenFolder, openFolderBelow } from "./folder-below.ts";
import { grant, type GuestAccess, makeFolder } from "./guest-access.ts";
import { VolumeError } from "./volume-error.ts";
import { type VolumeContext, volumeFiles } from "./volume-files.ts";

/** A folder of the pod's volumes for one container; disposing it once the container has started closes what it holds open. */
export interface VolumeFolder extends Disposable {
  readonly containerPath: string;
  readonly hostPath: string;
  readonly readonly: boolean;
}

/** Makes or renews all volumes of a pod below `root`. Throws VolumeError that names the volume. */
export async function preparePodVolumes(root: string, context: VolumeContext, access: GuestAccess): Promise<void> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  for (const volume of context.pod.spec.volumes) {
    try {
      await prepareVolume(path.join(root, volume.name), volume, context, access);
    } catch (cause) {
      const { message } = cause as Error;
      throw new VolumeError(`MountVolume.SetUp failed for volume ${JSON.stringify(volume.name)} : ${message}`, {
        cause,
      });
    }
  }
}

async function prepareVolume(
  folder: string,
  volume: Volume,
  context: VolumeContext,
  access: GuestAccess,
): Promise<void> {
  if (volume.emptyDir) await makeFolder(folder, true, access);
  else if (volume.hostPath) await prepareHostPath(volume.hostPath, access);
  else await writeVolume(folder, volumeFiles(volume, context) ?? new Map(), access);
}

async function prepareHostPath(hostPath: NonNullable<Volume["hostPath"]>, access: GuestAccess): Promise<void> {
  const found = await stat(hostPath.path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT" && hostPath.type === "DirectoryOrCreate") return undefined;
    throw new VolumeError(
      `hostPath ${hostPath.path}: ${cause.code === "ENOENT" ? "there is no such folder" : cause.message}`,
    );
  });
  if (found && !found.isDirectory())
    throw new VolumeError(`hostPath type check failed: ${hostPath.path} is not a directory`);
  if (found) return;
  await mkdir(hostPath.path, { recursive: true });
  await grant(hostPath.path, 0o755, access);
}

/** Removes what `preparePodVolumes` made; host paths stay. */
export function removePodVolumes(root: string): Promise<void> {
  return rm(root, { recursive: true, force: true });
}

/** The folders a container asks for. Throws VolumeError when one cannot be opened; those opened before are closed. */
export async function foldersOf(root: string, pod: Pod, container: Container): Promise<readonly VolumeFolder[]> {
  const folders: VolumeFolder[] = [];
  try {
    for (const mount of container.volumeMounts) folders.push(await folderOf(root, pod, mount));
  } catch (error) {
    for (const folder of folders) folder[Symbol.dispose]();
    throw error;
  }
  return folders;
}

async function folderOf(root: string, pod: Pod, mount: Container["volumeMounts"][number]): Promise<VolumeFolder> {
  const volume = pod.spec.volumes.find(({ name }) => name === mount.name);
  if (!volume) throw new VolumeError(`there is no volume ${JSON.stringify(mount.name)}`);
  const isFolder = volume.emptyDir !== undefined || volume.hostPath !== undefined;
  // What is made from objects belongs to the kubelet: a guest cannot change it.
  const readonly = mount.readOnly || !isFolder;
  const host = volume.hostPath ? await realpath(volume.hostPath.path) : path.join(root, volume.name);
  const open: OpenFolder =
    mount.subPath === "" ? { path: host, [Symbol.dispose]: () => {} } : openFolderBelow(host, mount.subPath, isFolder);
  return {
    containerPath: mount.mountPath,
    hostPath: open.path,
    readonly,
    [Symbol.dispose]: () => open[Symbol.dispose](),
  };
}
