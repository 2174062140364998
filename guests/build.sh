#!/bin/sh
# Builds the modules written in C, demo/*.c, test/*.c and programs/*.c, to .wasm files beside them. Needs clang, lld and, for
# programs/tour-c.c, wasi-libc (Debian: apt-get install clang lld wasi-libc libclang-rt-14-dev-wasm32). programs/README.md has the
# other languages. The built files are committed, so nobody needs this to use or test wasipool; another
# version of clang makes other bytes of all of them, so commit only what you meant to change.
set -eu
cd "$(dirname "$0")"

# build OUT SOURCE FLAG…
build() {
  out=$1
  source=$2
  shift 2
  clang --target=wasm32 -Os -nostdlib -ffreestanding -fno-builtin -Wall -Wextra -Werror -Wno-unused-but-set-variable \
    -Wno-infinite-recursion -Wl,--no-entry -Wl,--strip-all "$@" -o "$out" "$source"
  chmod 644 "$out"
}

for source in demo/*.c test/*.c; do
  build "${source%.c}.wasm" "$source" -Wl,-z,stack-size=16384
done
# The same answer from memories as large as those of common toolchains: 17 pages (Rust, stack first) and 16 MiB.
build test/hello-17-pages.wasm demo/hello.c -Wl,-z,stack-size=1048576
build test/hello-16-mib.wasm demo/hello.c -Wl,-z,stack-size=16384 -Wl,--initial-memory=16777216

build programs/unstable.wasm programs/unstable.c -Wl,-z,stack-size=16384
clang --target=wasm32-wasi --sysroot=/usr -Os -s -Wall -Wextra -Werror -o programs/tour-c.wasm programs/tour-c.c
chmod 644 programs/tour-c.wasm
