import { z } from "zod";
import { isDigest } from "../reference/digest.ts";

const platformSchema = z.object({ os: z.string(), architecture: z.string(), variant: z.string().optional() });

/** OCI image-spec 1.1 "descriptor": what a blob is, its digest and size. Unknown fields are left out. */
export const descriptorSchema = z.object({
  mediaType: z.string().max(255),
  digest: z.string().refine(isDigest, "must be sha256: and 64 lower-case hexadecimal digits"),
  size: z.int().nonnegative(),
  platform: platformSchema.optional(),
  artifactType: z.string().max(255).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});

export type Descriptor = z.output<typeof descriptorSchema>;
export type Platform = z.output<typeof platformSchema>;

/** `linux/arm64/v8`. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return `${os}/${architecture}${variant ? `/${variant}` : ""}`;
}
