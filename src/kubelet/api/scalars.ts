import { z } from "zod";
import { parseQuantity } from "../../base/index.ts";

const LABEL = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
const QUALIFIED_PART = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const CONFIG_KEY = /^[-._a-zA-Z0-9]+$/;
/** Kubernetes 1.34: any printable ASCII except "=". */
const ENV_NAME = /^[\x20-\x3c\x3e-\x7e]+$/;

/** RFC 1123 label: container, volume and port names. */
export const dnsLabel = z
  .string()
  .max(63)
  .regex(LABEL, 'must be lower-case letters, digits and "-", and begin and end with a letter or digit');

/** RFC 1123 subdomain: names of objects. */
export const dnsSubdomain = z
  .string()
  .max(253)
  .regex(SUBDOMAIN, 'must be lower-case letters, digits, "-" and ".", and begin and end with a letter or digit');

/** Key of a label or annotation: `[prefix/]name`. */
export const qualifiedName = z.string().refine(isQualifiedName, "must be a qualified name, as in example.com/my-name");

/** Value of a label. */
export const labelValue = z
  .string()
  .max(63)
  .refine(
    (value) => value === "" || QUALIFIED_PART.test(value),
    'must be letters, digits, "-", "_" and ".", and begin and end with a letter or digit',
  );

/** Key of a ConfigMap or Secret. */
export const configKey = z
  .string()
  .max(253)
  .refine(
    (key) => CONFIG_KEY.test(key) && !key.startsWith("..") && key !== ".",
    'must be letters, digits, "-", "_" and ".", and must not begin with ".."',
  );

export const envName = z.string().regex(ENV_NAME, 'must be printable ASCII without "="');

export const portNumber = z.int().min(1).max(65_535);

/** Permission bits of a file; YAML's `0644` and JSON's `420` are the same number. */
export const fileMode = z.int().min(0).max(0o777);

/** A quantity as Kubernetes writes it ("500m", "64Mi", 2), as text. */
export const quantity = z
  .union([z.string().max(64), z.number()], { error: 'must be a quantity, as in "500m" or "64Mi"' })
  .transform(String)
  .refine(isQuantity, 'must be a quantity that is not negative, as in "500m" or "64Mi"');

/** A path in a volume that does not leave it. */
export const relativePath = z
  .string()
  .max(4096)
  .refine(
    (path) => path !== "" && !path.startsWith("/") && !path.includes("\0") && !path.split("/").includes(".."),
    'must be a relative path without ".."',
  );

/** A path of a file that a volume is made of: names that begin with ".." are the volume's own (`..data`). */
export const filePath = relativePath.refine(
  (path) => path.split("/").every((part) => part !== "" && part !== ".") && !path.startsWith(".."),
  'must be a clean relative path that does not begin with ".."',
);

export const absolutePath = z
  .string()
  .max(4096)
  .refine((path) => path.startsWith("/") && !path.includes("\0"), "must be an absolute path");

/** Whether a variable may have this name; names from `envFrom` that may not are left out. */
export function isEnvName(name: string): boolean {
  return ENV_NAME.test(name);
}

function isQualifiedName(key: string): boolean {
  const [name = "", prefix, ...rest] = key.split("/").toReversed();
  if (rest.length > 0 || name.length > 63 || !QUALIFIED_PART.test(name)) return false;
  return prefix === undefined || (prefix.length <= 253 && SUBDOMAIN.test(prefix));
}

function isQuantity(text: string): boolean {
  try {
    const value = parseQuantity(text);
    return Number.isFinite(value) && value >= 0;
  } catch {
    return false;
  }
}
