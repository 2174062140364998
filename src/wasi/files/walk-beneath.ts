import { sys } from "./libc.ts";
import { LinuxError, Open } from "./linux.ts";

const MAX_SYMLINKS = 40;
/** Folders a walk holds open; deeper paths answer ENAMETOOLONG. Guards the process's descriptors. */
const MAX_DEPTH = 256;
/**
 * Components one walk goes through; more, which only symlinks full of `..` can bring about, answer ELOOP. Twice what the longest path
 * has, about 8 ms: 40 symlinks of 4 KiB would hold the thread for 120 ms.
 */
const MAX_STEPS = 4096;
const MAX_TARGET_BYTES = 4096;
const SLASH = 0x2f;

/**
 * Opens a path below a folder component by component, each with O_NOFOLLOW, so that whatever is exchanged meanwhile the walk stands
 * on folders it has opened itself. Symlinks are read and followed here; `..` goes back to the folder the walk came through, never
 * above the first. As `OpenBeneath` says.
 */
export function walkBeneath(dirFd: number, path: Uint8Array, flags: number, mode: number): number {
  const walk = new Walk(dirFd);
  try {
    return walk.open(Buffer.from(path.subarray(0, path.length - 1)), flags, mode);
  } finally {
    walk.close();
  }
}

/** Folders that a walk went through, and what is left of its path. */
class Walk {
  /** The first belongs to the caller. */
  readonly #folders: number[];
  #rest: Buffer[] = [];
  #links = 0;
  #steps = 0;
  /** The path ended with a slash: its last component must be a folder, and is followed when it is a symlink. */
  #wantsFolder = false;

  constructor(dirFd: number) {
    this.#folders = [dirFd];
  }

  open(path: Buffer, flags: number, mode: number): number {
    if (path.length === 0) return -LinuxError.NOENT;
    const refused = this.#push(path);
    if (refused < 0) return refused;
    while (this.#rest.length > 1) {
      const result = this.#step(this.#rest.shift() as Buffer);
      if (result < 0) return result;
    }
    return this.#openLast(flags, mode);
  }

  close(): void {
    for (const fd of this.#folders.slice(1)) sys.close(fd);
  }

  get #here(): number {
    return this.#folders.at(-1) as number;
  }

  /** Puts the components of a path before what is left; -EXDEV for an absolute one. */
  #push(path: Buffer): number {
    if (path[0] === SLASH) return -LinuxError.XDEV;
    const parts = split(path);
    const isEnd = this.#rest.length === 0;
    if (isEnd) this.#wantsFolder ||= path.at(-1) === SLASH || isDots(parts.at(-1));
    // A `.` at the end stays: what is before it is then on the way, so a symlink is followed.
    const kept = parts.filter((part, index) => !isHere(part) || (isEnd && index === parts.length - 1));
    this.#rest = [...kept, ...this.#rest];
    return 0;
  }

  /** Goes into one component that is not the last. */
  #step(name: Buffer): number {
    this.#steps += 1;
    if (this.#steps > MAX_STEPS) return -LinuxError.LOOP;
    if (isHere(name)) return 0;
    if (name.toString("latin1") === "..") return this.#up();
    if (this.#folders.length > MAX_DEPTH) return -LinuxError.NAMETOOLONG;
    const fd = sys.openat(
      this.#here,
      withNul(name),
      Open.PATH | Open.NO_FOLLOW | Open.CLOSE_ON_EXEC | Open.DIRECTORY,
      0,
    );
    if (fd >= 0) {
      this.#folders.push(fd);
      return 0;
    }
    return fd === -LinuxError.NOTDIR || fd === -LinuxError.LOOP ? this.#follow(name, fd) : fd;
  }

  #up(): number {
    if (this.#folders.length === 1) return -LinuxError.XDEV;
    sys.close(this.#folders.pop() as number);
    return 0;
  }

  /** Replaces a symlink by its target; `otherwise` when it is none. */
  #follow(name: Buffer, otherwise: number): number {
    const target = Buffer.alloc(MAX_TARGET_BYTES);
    const length = sys.readlinkat(this.#here, withNul(name), target);
    if (length < 0) return length === -LinuxError.INVAL ? otherwise : length;
    this.#links += 1;
    if (this.#links > MAX_SYMLINKS) return -LinuxError.LOOP;
    return this.#push(target.subarray(0, length));
  }

  /** Opens the last component, following it as often as it is a symlink that may be followed. */
  #openLast(flags: number, mode: number): number {
    const isCreating = (flags & Open.CREATE) !== 0;
    const isExclusive = isCreating && (flags & Open.EXCLUSIVE) !== 0;
    for (;;) {
      const [name] = this.#rest;
      if (name === undefined) return this.#openHere(flags);
      const mayFollow = !isExclusive && ((flags & Open.NO_FOLLOW) === 0 || this.#wantsFolder);
      // As the kernel has it: no file can be created behind a slash, whatever is there.
      if (isCreating && this.#wantsFolder && !this.#isOnTheWay(name)) return -LinuxError.ISDIR;
      const went = this.#advance(name, mayFollow);
      if (went === 0) continue;
      if (went !== undefined) return went;
      const fd = this.#openName(name, flags, mode);
      // Exchanged for a symlink since it was looked at: look again.
      const wasExchanged = fd === -LinuxError.LOOP && mayFollow;
      if (!wasExchanged || ++this.#links > MAX_SYMLINKS) return fd;
    }
  }

  /** Goes on where the path does not end with `name`; undefined when it does. */
  #advance(name: Buffer, mayFollow: boolean): number | undefined {
    const isOnTheWay = this.#isOnTheWay(name);
    if (!isOnTheWay && !(mayFollow && this.#isSymlink(name))) return undefined;
    this.#rest.shift();
    return isOnTheWay ? this.#step(name) : this.#follow(name, -LinuxError.LOOP);
  }

  #isOnTheWay(name: Buffer): boolean {
    return this.#rest.length > 1 || isDots(name);
  }

  #openName(name: Buffer, flags: number, mode: number): number {
    const wanted = this.#wantsFolder ? flags | Open.DIRECTORY : flags;
    return sys.openat(this.#here, withNul(name), wanted | Open.NO_FOLLOW | Open.CLOSE_ON_EXEC, mode);
  }

  /** The path ends where the walk stands. */
  #openHere(flags: number): number {
    if ((flags & Open.CREATE) !== 0) return (flags & Open.EXCLUSIVE) === 0 ? -LinuxError.ISDIR : -LinuxError.EXIST;
    return sys.openat(this.#here, Buffer.from(".\0"), flags | Open.CLOSE_ON_EXEC, 0);
  }

  #isSymlink(name: Buffer): boolean {
    return sys.readlinkat(this.#here, withNul(name), Buffer.alloc(1)) >= 0;
  }
}

function split(path: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let from = 0; from <= path.length;) {
    const slash = path.indexOf(SLASH, from);
    const to = slash === -1 ? path.length : slash;
    if (to > from) parts.push(path.subarray(from, to));
    from = to + 1;
  }
  return parts;
}

function isHere(part: Buffer): boolean {
  return part.toString("latin1") === ".";
}

function isDots(part: Buffer | undefined): boolean {
  const text = part?.toString("latin1");
  return text === "." || text === "..";
}

function withNul(name: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(name.length + 1);
  bytes.set(name);
  return bytes;
}
