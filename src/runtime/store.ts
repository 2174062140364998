import { CriError } from "../cri/index.ts";
import type { ContainerEvent } from "../cri/index.ts";
import { Broadcast } from "./broadcast.ts";
import type { RuntimeEvent } from "./observe.ts";
import type { ContainerRecord, SandboxRecord } from "./state.ts";

/** The runtime's records and the events about them. The one place where they are looked up. */
export class RuntimeStore {
  readonly sandboxes = new Map<string, SandboxRecord>();
  readonly containers = new Map<string, ContainerRecord>();
  readonly containerEvents = new Broadcast<ContainerEvent>();
  readonly runtimeEvents = new Broadcast<RuntimeEvent>();

  /** Throws CriError NOT_FOUND. */
  sandbox(id: string): SandboxRecord {
    const record = this.sandboxes.get(id);
    if (!record) throw new CriError("NOT_FOUND", `No sandbox has the id ${id}`);
    return record;
  }

  /** Throws CriError NOT_FOUND. */
  container(id: string): ContainerRecord {
    const record = this.containers.get(id);
    if (!record) throw new CriError("NOT_FOUND", `No container has the id ${id}`);
    return record;
  }

  containersOf(podSandboxId: string): readonly ContainerRecord[] {
    return [...this.containers.values()].filter((record) => record.podSandboxId === podSandboxId);
  }

  /** `namespace/name` of a sandbox's pod, for messages. */
  podName(podSandboxId: string): string {
    const metadata = this.sandboxes.get(podSandboxId)?.config.metadata;
    return metadata ? `${metadata.namespace}/${metadata.name}` : podSandboxId;
  }

  tell(type: ContainerEvent["type"], { id, podSandboxId }: ContainerRecord): void {
    this.containerEvents.publish({ type, containerId: id, podSandboxId });
  }
}
