import type { StateLayout } from "../../wasm/index.ts";
import type { ContainerSpec, DeclaredRoute, Request, RequestLimits, RequestOf, WagiSpec } from "../protocol.ts";
import { fields, flag, integer, list, oneOf, optional, type Shape, tagged, text } from "./shape.ts";

/** Bounds of what a request may hold; far above what Kubernetes lets a pod have, and only there to stop nonsense early. */
const MAX_NAME = 512;
const MAX_PATH = 4096;
const MAX_TEXT = 1024 * 1024;
const MAX_ITEMS = 4096;
const MAX_LAYOUT_ITEMS = 100_000;
const MAX_PAGES = 65_536;
/** Descriptors of one message; the kernel takes 253. */
export const MAX_DESCRIPTORS = 128;

const name = text(MAX_NAME);
const path = text(MAX_PATH);
const grace = integer(0);

const layout: Shape<StateLayout> = fields<StateLayout>({
  version: integer(0),
  memory: optional(
    fields<NonNullable<StateLayout["memory"]>>({
      minPages: integer(0, MAX_PAGES),
      maxPages: optional(integer(0, MAX_PAGES)),
    }),
  ),
  globals: list(
    fields<StateLayout["globals"][number]>({
      name: path,
      type: oneOf("i32", "i64", "f32", "f64", "funcref", "externref"),
    }),
    MAX_LAYOUT_ITEMS,
  ),
  tables: list(path, MAX_LAYOUT_ITEMS),
  start: optional(path),
  freshOnly: list(text(MAX_PATH), MAX_ITEMS),
});

const container: Shape<ContainerSpec> = fields<ContainerSpec>({
  id: name,
  name,
  digest: name,
  args: list(text(MAX_TEXT), MAX_ITEMS),
  env: list(fields<ContainerSpec["env"][number]>({ key: text(MAX_PATH), value: text(MAX_TEXT) }), MAX_ITEMS),
  mounts: list(fields<ContainerSpec["mounts"][number]>({ guestPath: path, readOnly: flag }), MAX_DESCRIPTORS),
  memoryBytes: integer(0),
  weight: integer(1, 1_000_000),
});

const limits: Shape<RequestLimits> = fields<RequestLimits>({
  timeoutMs: integer(1),
  maxRequestBodyBytes: integer(0),
  maxResponseBytes: integer(0),
  maxResponseHeaderBytes: integer(0),
  concurrency: integer(1),
  queue: integer(0),
});

const wagi: Shape<WagiSpec> = fields<WagiSpec>({
  route: path,
  entrypoint: name,
  allowedHosts: list(text(MAX_PATH), MAX_ITEMS),
  httpMaxConcurrency: optional(integer(0)),
  limits,
});

const declared: Shape<DeclaredRoute> = fields<DeclaredRoute>({ route: path, container: name });

const shapes: { readonly [O in Request["op"]]: Shape<RequestOf<O>> } = {
  "load-module": fields<RequestOf<"load-module">>({ op: oneOf("load-module"), digest: name, layout }),
  "unload-module": fields<RequestOf<"unload-module">>({ op: oneOf("unload-module"), digest: name }),
  listen: fields<RequestOf<"listen">>({ op: oneOf("listen"), sandbox: name, url: path }),
  "take-over": fields<RequestOf<"take-over">>({ op: oneOf("take-over"), from: name, to: name }),
  "declare-routes": fields<RequestOf<"declare-routes">>({
    op: oneOf("declare-routes"),
    sandbox: name,
    routes: list(declared, MAX_ITEMS),
  }),
  "start-wagi": fields<RequestOf<"start-wagi">>({ op: oneOf("start-wagi"), sandbox: name, container, wagi }),
  "start-command": fields<RequestOf<"start-command">>({ op: oneOf("start-command"), sandbox: name, container }),
  "stop-container": fields<RequestOf<"stop-container">>({
    op: oneOf("stop-container"),
    container: name,
    graceMs: grace,
  }),
  "remove-sandbox": fields<RequestOf<"remove-sandbox">>({ op: oneOf("remove-sandbox"), sandbox: name, graceMs: grace }),
  stats: fields<RequestOf<"stats">>({ op: oneOf("stats"), container: name }),
};

/** A request of the runtime. */
export const request: Shape<Request> = tagged<Request>("op", new Map(Object.entries(shapes)));
