import { type CriCode, CriError } from "../../cri/index.ts";
import {
  type Digest,
  type ImageClient,
  type ImageStore,
  isDigest,
  parseReference,
  referenceKey,
  RegistryError,
  type RegistryErrorCode,
  type StoredImage as OciImage,
  StoreError,
} from "../../oci/index.ts";
import type { ImageSource, StoredImage } from "./image-source.ts";

/** Images of an OCI store, pulled by an image client. The caller disposes of both. */
export function createOciImages(store: ImageStore, client: ImageClient, now: () => number): ImageSource {
  return {
    list: () => withCriErrors(async () => (await store.list()).map((image) => viewOf(image))),
    find: (image) =>
      withCriErrors(async () => {
        const found = await store.find(keyOf(image));
        return found && viewOf(found);
      }),
    // A kubelet decides by the pull policy whether to ask at all; once it does, the registry has the last word.
    pull: (image, options) =>
      withCriErrors(async () => viewOf(await client.pull(parseReference(image), { ...options, policy: "Always" }))),
    remove: (image) =>
      withCriErrors(async () => {
        await store.remove(keyOf(image));
      }),
    lease: ({ digest, moduleDigest }) => withCriErrors(() => store.lease(digest as Digest, moduleDigest as Digest)),
    usage: () =>
      withCriErrors(async () => {
        const { root, bytes, files } = await store.usage();
        const timestamp = BigInt(Math.round(now())) * 1_000_000n;
        return { timestamp, mountpoint: root, usedBytes: BigInt(bytes), inodesUsed: BigInt(files) };
      }),
    preparedFolder: (moduleDigest, version) => store.preparedFolder(moduleDigest as Digest, version),
  };
}

function keyOf(image: string): string {
  return isDigest(image) ? image : referenceKey(parseReference(image));
}

function viewOf({ digest, tags, digests, sizeBytes, moduleDigest, modulePath }: OciImage): StoredImage {
  return { digest, repoTags: tags, repoDigests: digests, sizeBytes, moduleDigest, modulePath };
}

async function withCriErrors<Result>(run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    throw criErrorOf(error);
  }
}

const CODES: Readonly<Record<RegistryErrorCode, CriCode>> = {
  NOT_FOUND: "NOT_FOUND",
  UNAUTHORIZED: "UNAUTHENTICATED",
  DENIED: "UNAUTHENTICATED",
  BAD_CREDENTIALS: "INVALID_ARGUMENT",
  TOO_MANY_REQUESTS: "UNAVAILABLE",
  UNAVAILABLE: "UNAVAILABLE",
  TOO_LARGE: "RESOURCE_EXHAUSTED",
  NOT_WASM: "FAILED_PRECONDITION",
  UNSUPPORTED_MEDIA_TYPE: "FAILED_PRECONDITION",
  BAD_MANIFEST: "INTERNAL",
  BAD_DIGEST: "INTERNAL",
  BAD_SIZE: "INTERNAL",
  UNSAFE: "INTERNAL",
  UNEXPECTED_RESPONSE: "INTERNAL",
};

/** Messages of these errors name the image and say what to do; an abort's reason passes as it is. */
function criErrorOf(cause: unknown): unknown {
  const code = criCodeOf(cause);
  return code === undefined ? cause : new CriError(code, (cause as Error).message, { cause });
}

function criCodeOf(cause: unknown): CriCode | undefined {
  if (cause instanceof RegistryError) return CODES[cause.code];
  if (cause instanceof StoreError) return cause.code === "NO_SPACE" ? "RESOURCE_EXHAUSTED" : "INTERNAL";
  return cause instanceof SyntaxError ? "INVALID_ARGUMENT" : undefined;
}
