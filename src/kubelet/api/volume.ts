import { z } from "zod";
import { absolutePath, configKey, dnsLabel, dnsSubdomain, fileMode, filePath, quantity } from "./scalars.ts";

const DEFAULT_FILE_MODE = 0o644;

const items = z.array(z.strictObject({ key: configKey, path: filePath, mode: fileMode.optional() })).optional();

/** A field of the pod itself. */
export const fieldRef = z.strictObject({ apiVersion: z.literal("v1").optional(), fieldPath: z.string() });

/** A request or limit of a container. */
export const resourceFieldRef = z.strictObject({
  containerName: dnsLabel.optional(),
  resource: z.enum(["limits.cpu", "limits.memory", "requests.cpu", "requests.memory"]),
  divisor: quantity.optional(),
});

const downwardItems = z.array(
  z
    .strictObject({
      path: filePath,
      fieldRef: fieldRef.optional(),
      resourceFieldRef: resourceFieldRef.optional(),
      mode: fileMode.optional(),
    })
    .refine(
      (item) => (item.fieldRef === undefined) !== (item.resourceFieldRef === undefined),
      "must have one of fieldRef and resourceFieldRef",
    ),
);

const configMap = z.strictObject({
  name: dnsSubdomain,
  items,
  optional: z.boolean().default(false),
  defaultMode: fileMode.default(DEFAULT_FILE_MODE),
});

const secret = z.strictObject({
  secretName: dnsSubdomain,
  items,
  optional: z.boolean().default(false),
  defaultMode: fileMode.default(DEFAULT_FILE_MODE),
});

const hostPath = z.strictObject({
  path: absolutePath.refine((path) => !path.split("/").includes(".."), 'must not contain ".."'),
  /** Folders only: a guest cannot be given a single file. */
  type: z.enum(["", "DirectoryOrCreate", "Directory"]).default(""),
});

const downwardAPI = z.strictObject({
  items: downwardItems.default([]),
  defaultMode: fileMode.default(DEFAULT_FILE_MODE),
});

const projectedSource = z
  .strictObject({
    configMap: configMap.omit({ defaultMode: true }).optional(),
    secret: z.strictObject({ name: dnsSubdomain, items, optional: z.boolean().default(false) }).optional(),
    downwardAPI: downwardAPI.omit({ defaultMode: true }).optional(),
  })
  .superRefine(exactlyOne);

const projected = z.strictObject({
  sources: z.array(projectedSource).default([]),
  defaultMode: fileMode.default(DEFAULT_FILE_MODE),
});

/** A volume: its name and exactly one source. */
export const volume = z
  .strictObject({
    name: dnsLabel,
    configMap: configMap.optional(),
    secret: secret.optional(),
    emptyDir: z.strictObject({}).optional(),
    hostPath: hostPath.optional(),
    downwardAPI: downwardAPI.optional(),
    projected: projected.optional(),
  })
  .superRefine(({ name: _name, ...sources }, context) => exactlyOne(sources, context));
export type Volume = Readonly<z.output<typeof volume>>;
export type KeyToPath = NonNullable<z.output<typeof items>>[number];
export type ResourceFieldRef = Readonly<z.output<typeof resourceFieldRef>>;
export type DownwardItem = Readonly<z.output<typeof downwardItems>>[number];
export type ProjectedSource = Readonly<z.output<typeof projectedSource>>;

function exactlyOne(sources: object, context: z.core.$RefinementCtx): void {
  const given = Object.entries(sources).filter(([, source]) => source !== undefined);
  if (given.length === 1) return;
  const found = given.length === 0 ? "none" : given.map(([name]) => name).join(", ");
  context.issues.push({ code: "custom", input: sources, message: `must have exactly one source, has ${found}` });
}
