import { z } from "zod";
import {
  absolutePath,
  configKey,
  dnsLabel,
  dnsSubdomain,
  envName,
  portNumber,
  quantity,
  relativePath,
} from "./scalars.ts";
import { fieldRef, resourceFieldRef } from "./volume.ts";

const keyRef = z.strictObject({ name: dnsSubdomain, key: configKey, optional: z.boolean().default(false) });
const objectRef = z.strictObject({ name: dnsSubdomain, optional: z.boolean().default(false) });

const valueFrom = z
  .strictObject({
    configMapKeyRef: keyRef.optional(),
    secretKeyRef: keyRef.optional(),
    fieldRef: fieldRef.optional(),
    resourceFieldRef: resourceFieldRef.optional(),
  })
  .refine(
    (sources) => Object.values(sources).filter((source) => source !== undefined).length === 1,
    "must have exactly one of configMapKeyRef, secretKeyRef, fieldRef and resourceFieldRef",
  );

const envVar = z
  .strictObject({ name: envName, value: z.string().optional(), valueFrom: valueFrom.optional() })
  .refine(
    ({ value, valueFrom: from }) => from === undefined || value === undefined || value === "",
    "must not have both value and valueFrom",
  );

const envFrom = z
  .strictObject({
    prefix: z.union([z.literal(""), envName]).default(""),
    configMapRef: objectRef.optional(),
    secretRef: objectRef.optional(),
  })
  .refine(
    ({ configMapRef, secretRef }) => (configMapRef === undefined) !== (secretRef === undefined),
    "must have one of configMapRef and secretRef",
  );

const port = z.strictObject({
  name: dnsLabel.max(15).optional(),
  containerPort: portNumber,
  hostPort: portNumber.optional(),
  hostIP: z.union([z.ipv4(), z.ipv6()]).optional(),
  protocol: z.enum(["TCP", "UDP"]).default("TCP"),
});

const volumeMount = z
  .strictObject({
    name: dnsLabel,
    mountPath: absolutePath.refine((path) => !path.includes(":"), 'must not contain ":"'),
    readOnly: z.boolean().default(false),
    subPath: z.union([z.literal(""), relativePath]).default(""),
  })
  .refine(({ mountPath }) => mountPath !== "", "must have a mountPath");

const amounts = z.strictObject({ cpu: quantity.optional(), memory: quantity.optional() }).default({});

/** A container, init containers included. Kubernetes' defaults are filled in. */
export const container = z
  .strictObject({
    name: dnsLabel,
    image: z
      .string()
      .min(1, "is required")
      .max(4096)
      .refine((image) => image.trim() === image, "must not begin or end with a space"),
    imagePullPolicy: z.enum(["Always", "IfNotPresent", "Never"]).optional(),
    command: z.array(z.string()).default([]),
    args: z.array(z.string()).default([]),
    workingDir: z.string().max(4096).default(""),
    env: z.array(envVar).default([]),
    envFrom: z.array(envFrom).default([]),
    ports: z.array(port).default([]),
    resources: z.strictObject({ limits: amounts, requests: amounts }).prefault({}),
    volumeMounts: z.array(volumeMount).default([]),
  })
  .transform((value) => ({
    ...value,
    imagePullPolicy: value.imagePullPolicy ?? defaultPullPolicy(value.image),
  }));
export type Container = Readonly<z.output<typeof container>>;
export type EnvVar = Container["env"][number];
export type EnvFromSource = Container["envFrom"][number];
export type VolumeMount = Container["volumeMounts"][number];
export type PullPolicy = Container["imagePullPolicy"];

/** Kubernetes' default: an image that is named without a tag or as `latest` may have changed. */
export function defaultPullPolicy(image: string): "Always" | "IfNotPresent" {
  if (image.includes("@")) return "IfNotPresent";
  const lastPart = image.slice(image.lastIndexOf("/") + 1);
  const tag = lastPart.includes(":") ? lastPart.slice(lastPart.indexOf(":") + 1) : "latest";
  return tag === "latest" ? "Always" : "IfNotPresent";
}
