/**
 * Rights of preview 1. All of them fit in 30 bits, so they are kept as numbers: the upper half of the 64-bit wire form is always 0.
 * They restrict what a guest may do with its own descriptors; the border that holds against a hostile guest is in files/.
 */
export const Rights = {
  FD_DATASYNC: 2 ** 0,
  FD_READ: 2 ** 1,
  FD_SEEK: 2 ** 2,
  FD_FDSTAT_SET_FLAGS: 2 ** 3,
  FD_SYNC: 2 ** 4,
  FD_TELL: 2 ** 5,
  FD_WRITE: 2 ** 6,
  FD_ADVISE: 2 ** 7,
  FD_ALLOCATE: 2 ** 8,
  PATH_CREATE_DIRECTORY: 2 ** 9,
  PATH_CREATE_FILE: 2 ** 10,
  PATH_LINK_SOURCE: 2 ** 11,
  PATH_LINK_TARGET: 2 ** 12,
  PATH_OPEN: 2 ** 13,
  FD_READDIR: 2 ** 14,
  PATH_READLINK: 2 ** 15,
  PATH_RENAME_SOURCE: 2 ** 16,
  PATH_RENAME_TARGET: 2 ** 17,
  PATH_FILESTAT_GET: 2 ** 18,
  PATH_FILESTAT_SET_SIZE: 2 ** 19,
  PATH_FILESTAT_SET_TIMES: 2 ** 20,
  FD_FILESTAT_GET: 2 ** 21,
  FD_FILESTAT_SET_SIZE: 2 ** 22,
  FD_FILESTAT_SET_TIMES: 2 ** 23,
  PATH_SYMLINK: 2 ** 24,
  PATH_REMOVE_DIRECTORY: 2 ** 25,
  PATH_UNLINK_FILE: 2 ** 26,
  POLL_FD_READWRITE: 2 ** 27,
} as const;

/** Everything that means something for a file. */
export const FILE_RIGHTS =
  Rights.FD_DATASYNC |
  Rights.FD_READ |
  Rights.FD_SEEK |
  Rights.FD_FDSTAT_SET_FLAGS |
  Rights.FD_SYNC |
  Rights.FD_TELL |
  Rights.FD_WRITE |
  Rights.FD_ADVISE |
  Rights.FD_ALLOCATE |
  Rights.FD_FILESTAT_GET |
  Rights.FD_FILESTAT_SET_SIZE |
  Rights.FD_FILESTAT_SET_TIMES |
  Rights.POLL_FD_READWRITE;

/** Everything that means something for a directory. */
export const DIRECTORY_RIGHTS =
  Rights.FD_DATASYNC |
  Rights.FD_FDSTAT_SET_FLAGS |
  Rights.FD_SYNC |
  Rights.PATH_CREATE_DIRECTORY |
  Rights.PATH_CREATE_FILE |
  Rights.PATH_LINK_SOURCE |
  Rights.PATH_LINK_TARGET |
  Rights.PATH_OPEN |
  Rights.FD_READDIR |
  Rights.PATH_READLINK |
  Rights.PATH_RENAME_SOURCE |
  Rights.PATH_RENAME_TARGET |
  Rights.PATH_FILESTAT_GET |
  Rights.PATH_FILESTAT_SET_SIZE |
  Rights.PATH_FILESTAT_SET_TIMES |
  Rights.FD_FILESTAT_GET |
  Rights.FD_FILESTAT_SET_TIMES |
  Rights.PATH_SYMLINK |
  Rights.PATH_REMOVE_DIRECTORY |
  Rights.PATH_UNLINK_FILE |
  Rights.POLL_FD_READWRITE;

/** Standard streams: everything of a file but a position. */
export const STREAM_RIGHTS = FILE_RIGHTS & ~(Rights.FD_SEEK | Rights.FD_TELL);
