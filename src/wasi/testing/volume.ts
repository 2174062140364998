import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { FileGuest } from "./files.ts";
import type { TestGuestOptions } from "./guest.ts";

/** What a volume holds, by path: a file's content (nothing for a folder), or where a symlink leads. */
type Tree = Readonly<Record<string, string | { readonly link: string }>>;

/** Number of the volume in the guest. */
export const VOLUME = 3;

/** A folder of the host with a guest that has it as its only preopen. */
export interface Volume extends Disposable {
  readonly path: string;
  readonly guest: FileGuest;
  /** Content of a file. */
  content(name: string): string;
}

/** Makes the folder; names that end with a slash are folders. */
export function createVolume(tree: Tree, options: TestGuestOptions & { readonly readOnly?: boolean } = {}): Volume {
  const root = mkdtempSync(path.join(tmpdir(), "wasipool-volume-"));
  for (const [name, what] of Object.entries(tree)) {
    const place = path.join(root, name);
    mkdirSync(name.endsWith("/") ? place : path.dirname(place), { recursive: true });
    if (typeof what === "object") symlinkSync(what.link, place);
    else if (!name.endsWith("/")) writeFileSync(place, what);
  }
  const fd = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY);
  const guest = new FileGuest({
    preopens: [{ guestPath: "/data", fd, readOnly: options.readOnly ?? false }],
    ...options,
  });
  return {
    path: root,
    guest,
    content: (name) => readFileSync(path.join(root, name), "utf8"),
    [Symbol.dispose]() {
      guest[Symbol.dispose]();
      closeSync(fd);
      rmSync(root, { recursive: true });
    },
  };
}
