/** Functions of WASI preview 1, by name. `wasi_unstable` (preview 0) has the same ones but `sock_accept`. */
const PREVIEW1 = `
  args_get args_sizes_get environ_get environ_sizes_get
  clock_res_get clock_time_get poll_oneoff proc_exit proc_raise random_get sched_yield
  fd_advise fd_allocate fd_close fd_datasync fd_fdstat_get fd_fdstat_set_flags fd_fdstat_set_rights fd_filestat_get
  fd_filestat_set_size fd_filestat_set_times fd_pread fd_prestat_dir_name fd_prestat_get fd_pwrite fd_read fd_readdir
  fd_renumber fd_seek fd_sync fd_tell fd_write
  path_create_directory path_filestat_get path_filestat_set_times path_link path_open path_readlink
  path_remove_directory path_rename path_symlink path_unlink_file
  sock_accept sock_recv sock_send sock_shutdown
`
  .trim()
  .split(/\s+/);

const EXPERIMENTAL_HTTP = ["req", "close", "header_get", "headers_get_all", "body_read"] as const;

/** Functions that a module may import here, by module name. */
export const HOST_FUNCTIONS: Readonly<Record<string, ReadonlySet<string>>> = {
  wasi_snapshot_preview1: new Set(PREVIEW1),
  wasi_unstable: new Set(PREVIEW1.filter((name) => name !== "sock_accept")),
  wasi_experimental_http: new Set(EXPERIMENTAL_HTTP),
};
