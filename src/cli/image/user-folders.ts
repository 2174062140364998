import os from "node:os";
import path from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where this user's images lie: `$XDG_DATA_HOME/wasipool/images`, or below `~/.local/share`. */
export function defaultImageRoot(env: Environment): string {
  const data = env["XDG_DATA_HOME"] || path.join(homeOf(env), ".local", "share");
  return path.join(data, "wasipool", "images");
}

/** Where `docker login` keeps credentials: `$DOCKER_CONFIG/config.json`, or below `~/.docker`. */
export function dockerConfigFile(env: Environment): string {
  return path.join(env["DOCKER_CONFIG"] || path.join(homeOf(env), ".docker"), "config.json");
}

function homeOf(env: Environment): string {
  return env["HOME"] || os.homedir();
}
