export type { ImageSource, PullImageOptions, StoredImage } from "./image-source.ts";
export { type PreparedModule, type RunnableImage, RuntimeImages } from "./images.ts";
export { type ExportView, type ImportView, type Inspection, inspectModule } from "./inspect.ts";
export { createOciImages } from "./oci-images.ts";
export { type PrepareLimits, resolvePrepareLimits } from "./prepare-thread.ts";
