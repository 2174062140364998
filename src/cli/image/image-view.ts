import { formatBytes } from "../../base/index.ts";
import type { StoredImage } from "../../oci/index.ts";
import type { TableView } from "../output/index.ts";

/** One line of a list of images: an image under one of its names. */
export interface ImageRow extends StoredImage {
  readonly name: string;
}

/** A line for each tag; for an image without tags one with its digest. */
export function imageRows(images: readonly StoredImage[]): readonly ImageRow[] {
  return images
    .flatMap((image) => {
      const names = image.tags.length > 0 ? image.tags : image.digests.slice(0, 1);
      return (names.length > 0 ? names : ["<none>"]).map((name) => ({ name, ...image }));
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

const SHORT_DIGEST = "sha256:".length + 12;

export const IMAGE_VIEW: TableView<ImageRow> = {
  headings: ["Name", "Digest", "Kind", "Module", "Total", "Pulled"],
  row: ({ name, digest, kind, moduleBytes, sizeBytes, pulledAt }) => [
    name.replace(/@sha256:.*$/, "@…"),
    digest.slice(0, SHORT_DIGEST),
    kind,
    formatBytes(moduleBytes),
    formatBytes(sizeBytes),
    pulledAt.replace(/\.\d+Z$/, "Z"),
  ],
};
