import { z } from "zod";
import { isDigest } from "../reference/digest.ts";

const digest = z.string().refine(isDigest, "must be a sha256 digest");

/** One image in the store's index. */
export const imageRecordSchema = z.object({
  /** Of the manifest; the image's identity. */
  digest,
  mediaType: z.string(),
  moduleDigest: digest,
  kind: z.enum(["module", "component"]),
  /** Size of the module, in bytes. */
  moduleBytes: z.int().nonnegative(),
  /** Everything it needs in the store: index, manifest, config, layers, module. */
  blobs: z.array(z.object({ digest, size: z.int().nonnegative() })),
  /** Names with a tag, such as `docker.io/library/hello:latest`. A name belongs to one image at a time. */
  tags: z.array(z.string()),
  /** Names with the digest they were resolved to, which may be an index's: `ghcr.io/team/hello@sha256:…`. */
  digests: z.array(z.string()),
  pulledAt: z.iso.datetime(),
});

export type ImageRecord = z.output<typeof imageRecordSchema>;

/** The record by name with tag, by name with digest, or by the manifest's digest alone. */
export function findRecord(records: readonly ImageRecord[], name: string): ImageRecord | undefined {
  return records.find(
    (record) => record.digest === name || record.tags.includes(name) || record.digests.includes(name),
  );
}

export interface Entered {
  readonly record: ImageRecord;
  readonly others: readonly ImageRecord[];
}

/** Enters an image: it takes its tags from others, and joins what is already known of it. */
export function enter(records: readonly ImageRecord[], added: ImageRecord): Entered {
  const before = records.find((record) => record.digest === added.digest);
  const others = records
    .filter((record) => record !== before)
    .map((record) => ({ ...record, tags: record.tags.filter((tag) => !added.tags.includes(tag)) }));
  const record = {
    ...added,
    blobs: [...new Map([...(before?.blobs ?? []), ...added.blobs].map((blob) => [blob.digest, blob])).values()],
    tags: [...new Set([...(before?.tags ?? []), ...added.tags])],
    digests: [...new Set([...(before?.digests ?? []), ...added.digests])],
  };
  return { record, others };
}
