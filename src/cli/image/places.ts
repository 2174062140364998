import {
  type CopySource,
  type CopyTarget,
  exactNaming,
  LayoutRepository,
  LayoutWriter,
  type Reference,
  StoreRepository,
} from "../../oci/index.ts";
import type { Location } from "./location.ts";
import type { Images } from "./open-images.ts";

/** Where a copy reads. */
export function copySource(location: Location, { client, store }: Images): CopySource {
  if (location.kind === "layout") {
    return {
      repository: new LayoutRepository(location.folder, exactNaming, client.limits),
      tagOrDigest: location.name,
    };
  }
  const { reference } = location;
  const repository = location.kind === "store" ? new StoreRepository(store, reference) : client.repository(reference);
  return { repository, tagOrDigest: tagOrDigest(reference) };
}

/** Where a copy or push writes; `mountFrom`: a repository of the same registry to take blobs over from. */
export function copyTarget(
  location: Exclude<Location, { kind: "store" }>,
  { client }: Images,
  mountFrom?: string,
): CopyTarget {
  if (location.kind === "layout") {
    const repository = new LayoutWriter(location.folder, client.limits);
    return location.name === "" ? { repository } : { repository, tag: location.name };
  }
  const { reference } = location;
  const repository = client.repository(reference, {
    canPush: true,
    ...(mountFrom === undefined ? {} : { mountFrom }),
  });
  return reference.tag === undefined ? { repository } : { repository, tag: reference.tag };
}

function tagOrDigest({ tag, digest }: Reference): string {
  return digest ?? tag ?? "latest";
}
