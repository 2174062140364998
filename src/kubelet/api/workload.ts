import { z } from "zod";
import { labels, objectMetadata, templateMetadata } from "./metadata.ts";
import { podSpec } from "./pod.ts";

/** A number beyond this is a mistake, and its pods would fill the memory. */
const MAX_REPLICAS = 1000;

const replicas = z.int().min(0).max(MAX_REPLICAS).default(1);
const selector = z.strictObject({ matchLabels: labels.default({}) });
const template = z.strictObject({ metadata: templateMetadata.prefault({}), spec: podSpec });

const serverSpec = z.strictObject({ replicas, selector, template });

export const deploymentObject = z.strictObject({
  apiVersion: z.literal("apps/v1"),
  kind: z.literal("Deployment"),
  metadata: objectMetadata,
  spec: serverSpec,
});
export const replicaSetObject = z.strictObject({
  apiVersion: z.literal("apps/v1"),
  kind: z.literal("ReplicaSet"),
  metadata: objectMetadata,
  spec: serverSpec,
});

export const jobObject = z.strictObject({
  apiVersion: z.literal("batch/v1"),
  kind: z.literal("Job"),
  metadata: objectMetadata,
  spec: z.strictObject({
    /** Undefined: done as soon as one pod succeeded and the others ended. */
    completions: z.int().min(0).max(MAX_REPLICAS).optional(),
    parallelism: z.int().min(0).max(MAX_REPLICAS).default(1),
    backoffLimit: z.int().min(0).default(6),
    template,
  }),
});

export type PodTemplate = Readonly<z.output<typeof template>>;
export type Deployment = Readonly<z.output<typeof deploymentObject>>;
export type ReplicaSet = Readonly<z.output<typeof replicaSetObject>>;
export type Job = Readonly<z.output<typeof jobObject>>;
