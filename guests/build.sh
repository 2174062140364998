#!/bin/sh
# Builds the modules written in C: guests/demo/*.c and guests/test/*.c to .wasm files beside them. Needs clang and lld
# (Debian: apt-get install clang lld). The built files are committed, so nobody needs this to use or test wasipool.
set -eu
cd "$(dirname "$0")"
for source in ${*:-demo/*.c test/*.c}; do
  clang --target=wasm32 -Os -nostdlib -ffreestanding -fno-builtin -Wall -Wextra -Werror -Wl,--no-entry -Wl,--strip-all \
    -Wl,-z,stack-size=16384 -o "${source%.c}.wasm" "$source"
done
