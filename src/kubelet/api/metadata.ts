import { z } from "zod";
import { dnsSubdomain, labelValue, qualifiedName } from "./scalars.ts";

/** Kubernetes' own limit for all annotations of an object, in bytes. */
const MAX_ANNOTATION_BYTES = 256 * 1024;

export const labels = z.record(qualifiedName, labelValue);

const annotations = z
  .record(qualifiedName, z.string())
  .refine(
    (values) => Object.entries(values).reduce((sum, entry) => sum + entry.join("").length, 0) <= MAX_ANNOTATION_BYTES,
    `must not hold more than ${MAX_ANNOTATION_BYTES} bytes`,
  );

/** Metadata of an object that has a name of its own. */
export const objectMetadata = z.strictObject({
  name: dnsSubdomain,
  namespace: dnsSubdomain.max(63).default("default"),
  labels: labels.default({}),
  annotations: annotations.default({}),
});
export type ObjectMetadata = Readonly<z.output<typeof objectMetadata>>;

/** Metadata of a pod template: its pods get names from their owner. */
export const templateMetadata = z.strictObject({
  labels: labels.default({}),
  annotations: annotations.default({}),
});
