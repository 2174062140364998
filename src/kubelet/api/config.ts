import { z } from "zod";
import { objectMetadata } from "./metadata.ts";
import { configKey } from "./scalars.ts";

/** Kubernetes' limit for the data of one ConfigMap or Secret, in bytes. */
const MAX_DATA_BYTES = 1024 * 1024;

const base64 = z.string().refine((text) => /^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(text), "must be base64");
const texts = z.record(configKey, z.string()).default({});
const encoded = z
  .record(
    configKey,
    base64.transform((text) => new Uint8Array(Buffer.from(text, "base64"))),
  )
  .default({});

/** A ConfigMap; every value as bytes. */
export const configMapObject = z
  .strictObject({
    apiVersion: z.literal("v1"),
    kind: z.literal("ConfigMap"),
    metadata: objectMetadata,
    data: texts,
    binaryData: encoded,
    immutable: z.boolean().default(false),
  })
  .refine(
    ({ data, binaryData }) => Object.keys(data).every((key) => !Object.hasOwn(binaryData, key)),
    "must not have a key in both data and binaryData",
  )
  .transform(({ binaryData, ...object }) => ({ ...object, data: { ...encodeAll(object.data), ...binaryData } }))
  .refine(({ data }) => isSmall(data), `must not hold more than ${MAX_DATA_BYTES} bytes`);

/** A Secret; `stringData` over `data`, every value as bytes. */
export const secretObject = z
  .strictObject({
    apiVersion: z.literal("v1"),
    kind: z.literal("Secret"),
    metadata: objectMetadata,
    type: z.string().default("Opaque"),
    data: encoded,
    stringData: texts,
    immutable: z.boolean().default(false),
  })
  .transform(({ stringData, ...object }) => ({ ...object, data: { ...object.data, ...encodeAll(stringData) } }))
  .refine(({ data }) => isSmall(data), `must not hold more than ${MAX_DATA_BYTES} bytes`);

export type ConfigMap = Readonly<z.output<typeof configMapObject>>;
export type Secret = Readonly<z.output<typeof secretObject>>;

function encodeAll(values: Readonly<Record<string, string>>): Record<string, Uint8Array> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, new TextEncoder().encode(value)]));
}

function isSmall(data: Readonly<Record<string, Uint8Array>>): boolean {
  return Object.values(data).reduce((sum, value) => sum + value.length, 0) <= MAX_DATA_BYTES;
}
