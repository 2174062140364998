import { z } from "zod";
import { container } from "./container.ts";
import { type ObjectMetadata, objectMetadata } from "./metadata.ts";
import { dnsLabel, dnsSubdomain } from "./scalars.ts";
import { volume } from "./volume.ts";

/** What a pod asks for, as far as this kubelet honours it, with Kubernetes' defaults filled in. */
export const podSpec = z.strictObject({
  containers: z.array(container).min(1, "must name at least one container"),
  initContainers: z.array(container).default([]),
  volumes: z.array(volume).default([]),
  restartPolicy: z.enum(["Always", "OnFailure", "Never"]).default("Always"),
  terminationGracePeriodSeconds: z.int().min(0).default(30),
  activeDeadlineSeconds: z.int().min(1).max(2_147_483_647).optional(),
  hostNetwork: z.boolean().default(false),
  hostname: dnsLabel.optional(),
  nodeName: dnsSubdomain.optional(),
  serviceAccountName: dnsSubdomain.default("default"),
  imagePullSecrets: z.array(z.strictObject({ name: dnsSubdomain })).default([]),
});
export type PodSpec = Readonly<z.output<typeof podSpec>>;

export const podObject = z.strictObject({
  apiVersion: z.literal("v1"),
  kind: z.literal("Pod"),
  metadata: objectMetadata,
  spec: podSpec,
});

/** A pod that is to run on this node. */
export interface Pod {
  readonly metadata: ObjectMetadata & {
    /** Never used again for another version of the pod. */
    readonly uid: string;
    readonly ownerReferences: readonly OwnerReference[];
  };
  readonly spec: PodSpec;
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller: boolean;
}

/** `namespace/name`, as people read it. */
export function podKey({ metadata }: { readonly metadata: ObjectMetadata }): string {
  return `${metadata.namespace}/${metadata.name}`;
}
