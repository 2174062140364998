import { spawn } from "node:child_process";
import { z } from "zod";
import type { Clock } from "../../base/index.ts";
import { RegistryError } from "../errors.ts";
import type { Credential } from "./credential.ts";

/** Asks the programs that `docker login` keeps credentials with. */
export interface CredentialHelper {
  /** Runs `docker-credential-<program> get`; undefined when it knows nothing about the server. Throws RegistryError BAD_CREDENTIALS. */
  get(program: string, server: string, signal?: AbortSignal): Promise<Credential | undefined>;
}

/** Longest run of a helper: it may ask a person to unlock a key ring. */
export const HELPER_TIMEOUT_MS = 30_000;
/** Largest answer of a helper: a user name and a secret. */
export const MAX_HELPER_BYTES = 64 * 1024;

const NAME = /^[\w.-]{1,64}$/;
/** Username of an answer whose secret is an identity token (docker-credential-helpers' protocol). */
const TOKEN_USER = "<token>";
const NOT_FOUND = /credentials not found/i;

const schema = z.object({ Username: z.string(), Secret: z.string() });

/** Runs helpers with `env`, whose PATH they are found by. */
export function spawnedHelper(env: Readonly<Record<string, string | undefined>>, clock: Clock): CredentialHelper {
  return {
    async get(program, server, signal) {
      if (!NAME.test(program)) throw failure(program, "its name holds what a program's name does not");
      const { output, code } = await run(`docker-credential-${program}`, server, { env, clock, program, signal });
      if (code === 0) return readAnswer(output, program);
      if (NOT_FOUND.test(output)) return undefined;
      throw failure(program, `it ended with exit code ${code}`);
    },
  };
}

interface RunOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly program: string;
  readonly signal: AbortSignal | undefined;
}

function run(command: string, input: string, { env, clock, program, signal }: RunOptions) {
  const { promise, resolve, reject } = Promise.withResolvers<{ output: string; code: number | null }>();
  const child = spawn(command, ["get"], { env, stdio: ["pipe", "pipe", "ignore"], ...(signal ? { signal } : {}) });
  const giveUp = (why: string) => {
    reject(failure(program, why));
    child.kill("SIGKILL");
    // What it started itself may live on and hold the pipe.
    child.stdout.destroy();
  };
  const timer = clock.after(HELPER_TIMEOUT_MS, () => giveUp(`it did not answer within ${HELPER_TIMEOUT_MS / 1000} s`));
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    output += chunk;
    if (output.length > MAX_HELPER_BYTES) giveUp("its answer is too long");
  });
  child.on("error", (cause: NodeJS.ErrnoException) => {
    timer[Symbol.dispose]();
    reject(cause.code === "ENOENT" ? failure(program, "there is no such program on the PATH") : cause);
  });
  child.on("close", (code) => {
    timer[Symbol.dispose]();
    resolve({ output, code });
  });
  // A helper that ends without reading is told by its exit code.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  return promise;
}

function readAnswer(output: string, program: string): Credential {
  let value: unknown;
  try {
    value = JSON.parse(output);
  } catch {
    value = undefined;
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw failure(program, "its answer is not what the protocol asks for");
  const { Username: username, Secret: secret } = parsed.data;
  return username === TOKEN_USER
    ? { kind: "identity-token", token: secret }
    : { kind: "basic", username, password: secret };
}

function failure(program: string, why: string): RegistryError {
  return new RegistryError("BAD_CREDENTIALS", `Cannot ask docker-credential-${program.slice(0, 64)}: ${why}`);
}
