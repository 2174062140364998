import { chmod, chown, mkdir } from "node:fs/promises";

/**
 * How guests' files are made readable to guests and to nobody else. Volumes lie below a folder that only this process's user may enter;
 * a guest gets each volume as an opened folder. Where guests run as another user, that user's group gets the owner's rights.
 */
export interface GuestAccess {
  /** Group of the guests' user; undefined when guests run as this process's user. */
  readonly group?: number | undefined;
}

/** Makes a folder (not its parents) or takes one that is there. Guests may write into it if `isWritable`. */
export async function makeFolder(path: string, isWritable: boolean, { group }: GuestAccess): Promise<void> {
  await mkdir(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "EEXIST") throw cause;
  });
  await grant(path, isWritable ? 0o700 : 0o500, { group }, 0o700);
}

/** Sets a file's or folder's rights: those of `mode` for its owner, `ownMode` added for this process, and the same for guests. */
export async function grant(path: string, mode: number, { group }: GuestAccess, ownMode = 0): Promise<void> {
  if (group === undefined) {
    await chmod(path, (mode | ownMode) & 0o777);
    return;
  }
  await chown(path, -1, group);
  const rights = mode & 0o700;
  await chmod(path, rights | (rights >> 3) | ownMode);
}
