// Modules of a wanted size: hello.wasm's kind of answer, with real functions beside it that its entry point calls.
import wabtInit from "wabt";

const FUNCTION_BYTES = 100;

/** A WAGI module of about `bytes` that answers `label`; none of its functions is like another. */
export async function largeModule(label: string, bytes: number): Promise<Uint8Array> {
  const wabt = await wabtInit();
  const count = Math.round(bytes / FUNCTION_BYTES);
  const functions = Array.from({ length: count }, (_, i) => mixing(i)).join("\n");
  const text = `content-type: text/plain\\n\\n${label}\\n`;
  const length = text.replaceAll("\\n", "\n").length;
  const source = `(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 64) "${text}")
    (data (i32.const 0) "\\40\\00\\00\\00\\${length.toString(16).padStart(2, "0")}\\00\\00\\00")
    ${functions}
    (func (export "_start")
      (i32.store (i32.const 32) (call $mix0 (i32.const 1) (i32.const 2)))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))`;
  return wabt.parseWat("large.wat", source).toBinary({}).buffer;
}

/** Arithmetic, memory and a loop, about a hundred bytes. */
function mixing(i: number): string {
  const constant = (n: number) => `(i32.const ${((i + 1) * n) & 0x7fffffff})`;
  return `(func $mix${i} (param $a i32) (param $b i32) (result i32) (local $n i32)
    (local.set $n (i32.const 3))
    (loop $again
      (local.set $a (i32.add (i32.mul (local.get $a) ${constant(2_654_435_761)}) (i32.rotl (local.get $b) ${constant(7)})))
      (local.set $b (i32.xor (local.get $b) (i32.load offset=${(i * 4) % 4096} (i32.const 1024))))
      (i32.store offset=${(i * 4) % 4096} (i32.const 8192) (i32.add (local.get $a) ${constant(97)}))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $again (local.get $n)))
    (i32.add (local.get $a) (local.get $b)))`;
}
