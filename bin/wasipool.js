#!/usr/bin/env node
// The `wasipool` command. Written for old Node versions too: finds the Node 26 that this package depends on and runs the
// bundle with it (a checkout without a bundle runs its sources). Signals and exit codes pass through.
import { spawn } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import module, { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const MAJOR = 26;
// node:ffi and the stripping of types are experimental; guests run in another process, which has flags of its own.
const FLAGS = ["--disable-warning=ExperimentalWarning"];

const root = path.dirname(path.dirname(realpathSync(fileURLToPath(import.meta.url))));
const bundle = path.join(root, "dist", "main.js");
const entry = existsSync(bundle) ? bundle : path.join(root, "src", "cli", "main.ts");

// Node keeps what it compiled, in a folder of this user's own: half of a command's start.
const cacheHome = process.env.XDG_CACHE_HOME || (process.env.HOME && path.join(process.env.HOME, ".cache"));
const compileCache = process.env.NODE_COMPILE_CACHE ?? (cacheHome && path.join(cacheHome, "wasipool", "compiled"));

if (Number(process.versions.node.split(".")[0]) >= MAJOR) {
  if (compileCache) module.enableCompileCache(compileCache);
  process.removeAllListeners("warning");
  process.on("warning", (warning) => {
    if (warning.name !== "ExperimentalWarning") process.stderr.write(`${warning.name}: ${warning.message}\n`);
  });
  await import(entry);
} else {
  run(findNode());
}

function findNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve(`node-linux-${process.arch}/package.json`);
    return path.join(path.dirname(manifest), "bin", "node");
  } catch {
    fail(
      `wasipool needs Node ${MAJOR} (this is ${process.version}) and its own copy, the package node-linux-${process.arch}, is not installed.\n` +
        `Install wasipool again without --omit=optional, or run it with Node ${MAJOR}.`,
    );
  }
}

function run(node) {
  const env = { ...process.env, ...(compileCache ? { NODE_COMPILE_CACHE: compileCache } : {}) };
  const child = spawn(node, [...FLAGS, entry, ...process.argv.slice(2)], { stdio: "inherit", env });
  // At a terminal the child gets Ctrl-C by itself too; it takes what comes twice at once as one (src/cli/interrupt.ts).
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => fail(`wasipool cannot start ${node}: ${error.message}`));
  child.on("close", (code, signal) => {
    // What the dynamic linker answers when a library is missing.
    if (code === 127) fail("If libatomic.so.1 is missing: apt-get install libatomic1");
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.removeAllListeners(name);
    if (signal) process.kill(process.pid, signal);
    else process.exit(code);
  });
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
