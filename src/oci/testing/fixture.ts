import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { silentLogger, systemClock } from "../../base/index.ts";
import { MANIFEST_TYPES } from "../manifest/media-types.ts";
import { type Digest, digestOf, hexOf } from "../reference/digest.ts";
import { createImageStore, type ImageStore } from "../store/image-store.ts";

/** The smallest module and component, with something behind to tell them apart (a custom section). */
export function moduleBytes(mark = "a"): Uint8Array {
  return Buffer.concat([Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]), customSection(mark)]);
}

export function componentBytes(mark = "a"): Uint8Array {
  return Buffer.concat([Buffer.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]), customSection(mark)]);
}

function customSection(name: string): Buffer {
  const text = Buffer.from(name);
  return Buffer.concat([Buffer.from([0, text.length + 1, text.length]), text]);
}

/** An image as its place holds it. */
export interface ImageFixture {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly manifest: Uint8Array;
  readonly blobs: ReadonlyMap<Digest, Uint8Array>;
}

export interface Blob {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  readonly annotations?: Readonly<Record<string, string>>;
}

export function descriptorOf({ mediaType, bytes, annotations }: Blob): Record<string, unknown> {
  return { mediaType, digest: digestOf(bytes), size: bytes.length, ...(annotations ? { annotations } : {}) };
}

/** An image of a config and layers; `manifest` adds fields to the manifest or replaces them. */
export function image(config: Blob, layers: readonly Blob[], manifest: Record<string, unknown> = {}): ImageFixture {
  const body = {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPES.ociManifest,
    config: descriptorOf(config),
    layers: layers.map((layer) => descriptorOf(layer)),
    ...manifest,
  };
  const bytes = Buffer.from(JSON.stringify(body));
  return {
    mediaType: typeof manifest["mediaType"] === "string" ? manifest["mediaType"] : MANIFEST_TYPES.ociManifest,
    digest: digestOf(bytes),
    manifest: bytes,
    blobs: new Map([config, ...layers].map((blob) => [digestOf(blob.bytes), blob.bytes])),
  };
}

/** An index of images with their platforms (`os/architecture`, empty for none). */
export function index(entries: readonly { image: ImageFixture; platform?: string }[]): ImageFixture {
  const manifests = entries.map(({ image: { mediaType, digest, manifest }, platform }) => {
    const [system, architecture] = platform?.split("/") ?? [];
    return {
      mediaType,
      digest,
      size: manifest.length,
      ...(platform ? { platform: { os: system, architecture } } : {}),
    };
  });
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST_TYPES.ociIndex, manifests }));
  const blobs = new Map(entries.flatMap((entry) => [...entry.image.blobs]));
  for (const entry of entries) blobs.set(entry.image.digest, entry.image.manifest);
  return { mediaType: MANIFEST_TYPES.ociIndex, digest: digestOf(bytes), manifest: bytes, blobs };
}

export function json(mediaType: string, value: unknown): Blob {
  return { mediaType, bytes: Buffer.from(JSON.stringify(value)) };
}

export const IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json";
export const TAR_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip";

export type TarEntry = readonly [name: string, content: Uint8Array | string, type?: "file" | "symlink" | "directory"];

export async function tar(entries: readonly TarEntry[]): Promise<Buffer> {
  const archive = pack();
  for (const [name, content, type = "file"] of entries) {
    if (type === "file") archive.entry({ name, type }, content);
    else archive.entry({ name, type, linkname: type === "symlink" ? String(content) : "" });
  }
  archive.finalize();
  return buffer(archive);
}

export async function tarLayer(entries: readonly TarEntry[], mediaType = TAR_GZIP): Promise<Blob> {
  return { mediaType, bytes: gzipSync(await tar(entries)) };
}

/** The formats of images in the wild, A to G, each holding `module`. */
export async function formats(module = moduleBytes()): Promise<Readonly<Record<string, ImageFixture>>> {
  const wasm = (mediaType: string): Blob => ({ mediaType, bytes: module });
  const wasmConfig = json(IMAGE_CONFIG, {
    architecture: "wasm",
    os: "wasip1",
    config: { Entrypoint: ["app.wasm"] },
    rootfs: { type: "layers", diff_ids: [] },
  });
  const content = "application/vnd.wasm.content.layer.v1+wasm";
  return {
    "A, CNCF artifact": image(
      json("application/vnd.wasm.config.v0+json", { architecture: "wasm", os: "wasip1", layerDigests: [] }),
      [wasm("application/wasm")],
    ),
    "B, runwasi": image(wasmConfig, [wasm("application/vnd.bytecodealliance.wasm.component.layer.v0+wasm")]),
    "C, container image": image(wasmConfig, [
      await tarLayer([
        ["etc", "", "directory"],
        ["app.wasm", module],
        ["other.wasm", "no"],
      ]),
    ]),
    "C, Docker's types": image(
      json("application/vnd.docker.container.image.v1+json", {
        architecture: "wasm32",
        os: "wasi",
        config: { Entrypoint: ["/bin/app.wasm", "serve"] },
      }),
      [await tarLayer([["./bin/app.wasm", module]], "application/vnd.docker.image.rootfs.diff.tar.gzip")],
      { mediaType: MANIFEST_TYPES.dockerManifest },
    ),
    "D, compat": image(json(IMAGE_CONFIG, { architecture: "amd64", os: "linux", config: {} }), [
      await tarLayer([
        ["plugin.wasm", module],
        ["runtime-config.json", "{}"],
      ]),
    ]),
    "D, oci": image(json("application/vnd.module.wasm.config.v1+json", {}), [
      json("application/vnd.module.wasm.config.v1+json", { type: "envoy_proxy" }),
      wasm("application/vnd.module.wasm.content.layer.v1+wasm"),
    ]),
    "E, wasm-to-oci": image(json("application/vnd.wasm.config.v1+json", {}), [wasm(content)], { mediaType: undefined }),
    "F, Spin of one component": image(json(IMAGE_CONFIG, { architecture: "wasm", os: "Wasip1", config: {} }), [
      wasm(content),
      { mediaType: "application/vnd.wasm.content.layer.v1+data", bytes: Buffer.from("a static file") },
      json("application/vnd.fermyon.spin.application.v1+config", { spin_lock_version: 1 }),
    ]),
    "G, W3C module": image(json("application/vnd.wasm.component.config.v1+json", {}), [
      wasm("application/vnd.w3c.wasm.module.v1+wasm"),
    ]),
  };
}

/** Writes an OCI image layout with the images under their names. */
export async function writeLayoutFixture(
  folder: string,
  images: Readonly<Record<string, ImageFixture>>,
): Promise<void> {
  const blobs = path.join(folder, "blobs", "sha256");
  await mkdir(blobs, { recursive: true });
  const manifests = [];
  for (const [name, fixture] of Object.entries(images)) {
    const { mediaType, digest, manifest } = fixture;
    for (const [blob, bytes] of [...fixture.blobs, [digest, manifest] as const]) {
      await writeFile(path.join(blobs, hexOf(blob)), bytes);
    }
    const annotations = { "org.opencontainers.image.ref.name": name };
    manifests.push({ mediaType, digest, size: manifest.length, annotations });
  }
  await writeFile(path.join(folder, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  await writeFile(path.join(folder, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
}

export interface TempFolder extends AsyncDisposable {
  readonly path: string;
}

export async function tempFolder(): Promise<TempFolder> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "wasipool-oci-"));
  return { path: folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

export function openStore(root: string): Promise<ImageStore> {
  return createImageStore({ root, clock: systemClock, log: silentLogger });
}
