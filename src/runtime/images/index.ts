export type { ImageSource, PullImageOptions, StoredImage } from "./image-source.ts";
export { type PreparedModule, RuntimeImages } from "./images.ts";
export { type ExportView, type ImportView, type Inspection, inspectModule } from "./inspect.ts";
