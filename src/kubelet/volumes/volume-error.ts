/** A volume cannot be made now; the message is in Kubernetes' words. */
export class VolumeError extends Error {
  override readonly name = "VolumeError";
}
