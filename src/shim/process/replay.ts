import type { PreparedModule } from "../../engine/index.ts";
import type { Request } from "../protocol.ts";
import type { Recorded, StateRecord } from "../state/record.ts";
import type { WorkerRequest } from "./worker-protocol.ts";

/** Everything a new worker must be asked, in steps. */
export function replayToWorker(
  record: StateRecord,
  modules: ReadonlyMap<string, PreparedModule>,
): readonly (readonly WorkerRequest[])[] {
  const loads = [...modules.values()].map((prepared): WorkerRequest => ({ op: "load-module", prepared }));
  return [loads, ...record.replay().map((step) => step.flatMap(toWorker))];
}

function toWorker({ request, fds, result }: Recorded): readonly WorkerRequest[] {
  const [fd] = fds;
  if (request.op === "declare-routes") return [request];
  if (request.op === "listen" && fd !== undefined) return [{ op: "listen", sandbox: request.sandbox, fd }];
  if (request.op === "start-wagi" && result && "routes" in result)
    return [{ ...serve(request), fds, routes: result.routes }];
  return [];
}

function serve({ sandbox, container, wagi }: Extract<Request, { op: "start-wagi" }>) {
  return { op: "serve", sandbox, container, wagi } as const;
}
