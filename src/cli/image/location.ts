import path from "node:path";
import { parseReference, type Reference } from "../../oci/index.ts";

/** Where an image is, or is to be. */
export type Location =
  | { readonly kind: "registry"; readonly reference: Reference }
  | { readonly kind: "store"; readonly reference: Reference }
  /** `name` is empty for the only image of a layout. */
  | { readonly kind: "layout"; readonly folder: string; readonly name: string };

/**
 * Reads `oci:FOLDER[:NAME]` (an OCI image layout, relative to `cwd`), `store:REFERENCE` or `REFERENCE` (a registry).
 * Throws SyntaxError that says what is wrong.
 */
export function parseLocation(text: string, cwd: string): Location {
  if (text.startsWith("store:")) return { kind: "store", reference: parseReference(text.slice("store:".length)) };
  if (!text.startsWith("oci:")) return { kind: "registry", reference: parseReference(text) };
  const place = text.slice("oci:".length);
  const colon = place.indexOf(":");
  const folder = colon < 0 ? place : place.slice(0, colon);
  if (folder === "") throw new SyntaxError(`Cannot read "${text}": write oci:FOLDER or oci:FOLDER:NAME`);
  return { kind: "layout", folder: path.resolve(cwd, folder), name: colon < 0 ? "" : place.slice(colon + 1) };
}
