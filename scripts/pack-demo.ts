// Packs the demo modules (guests/demo/*.wasm) as an OCI image layout, demo/images, under the names that the article's pod uses.
// The same modules give the same bytes, so the folder changes only with them.
import { globSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { DEFAULT_LIMITS, LayoutWriter, packImage, pushImage } from "../src/oci/index.ts";

const TAG = "v1.0.0";
const root = path.resolve(import.meta.dirname, "..");
const folder = path.join(root, "demo", "images");
rmSync(folder, { recursive: true, force: true });
const files = globSync("guests/demo/*.wasm", { cwd: root }).toSorted();
for (const file of files) {
  const name = `krustlet-wagi-demo-${path.basename(file, ".wasm")}:${TAG}`;
  const packed = packImage(readFileSync(path.join(root, file)), { title: path.basename(file) });
  const target = { repository: new LayoutWriter(folder, DEFAULT_LIMITS), tag: name };
  console.log(`${name}  ${await pushImage(packed, target, { limits: DEFAULT_LIMITS })}`);
}
