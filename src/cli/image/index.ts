export { openImages, type Images, type ImageSettings } from "./open-images.ts";
export { registerImageCommands } from "./register.ts";
