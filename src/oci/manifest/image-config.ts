import { z } from "zod";

/** The fields of an image config that say what an image is and where its module lies. */
export interface ImageConfig {
  readonly os?: string;
  readonly architecture?: string;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  /** What a relative entry point is relative to. */
  readonly workingDir?: string;
}

const words = z.array(z.string()).nullish();
const schema = z.object({
  os: z.string().optional(),
  architecture: z.string().optional(),
  config: z.object({ Entrypoint: words, Cmd: words, WorkingDir: z.string().nullish() }).nullish(),
});

/** Reads an image config blob; undefined when it is none (artifacts put anything there). */
export function parseImageConfig(bytes: Uint8Array): ImageConfig | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
  const result = schema.safeParse(value);
  if (!result.success) return undefined;
  const { os, architecture, config } = result.data;
  return {
    ...(os === undefined ? {} : { os }),
    ...(architecture === undefined ? {} : { architecture }),
    entrypoint: config?.Entrypoint ?? [],
    cmd: config?.Cmd ?? [],
    ...(config?.WorkingDir ? { workingDir: config.WorkingDir } : {}),
  };
}
