import type {
  ContainerExit,
  ContainerUsage,
  Notice,
  Reply,
  Request,
  ShimErrorCode,
  StartedRoutes,
} from "../protocol.ts";
import type { Frame } from "./frame.ts";
import { MAX_DESCRIPTORS, request } from "./request-shape.ts";
import { amount, fields, flag, integer, list, oneOf, optional, type Shape, tagged, text } from "./shape.ts";

/** What travels from the runtime to the shim in one frame. */
export type RuntimeMessage =
  /** `descriptors` of them wait on the descriptor socket, sent before this. */
  | { readonly kind: "request"; readonly id: number; readonly descriptors: number; readonly request: Request }
  /** So many bytes of a container's log were written: the shim may send as many more. */
  | { readonly kind: "log-written"; readonly container: string; readonly bytes: number };

/** What travels from the shim to the runtime in one frame. The text of a log notice is the frame's tail. */
export type ShimMessage =
  | { readonly kind: "reply"; readonly id: number; readonly reply: Reply }
  | { readonly kind: "notice"; readonly notice: Notice };

const MAX_NAME = 512;
const MAX_MESSAGE = 64 * 1024;
const MAX_ROUTES = 4096;

const name = text(MAX_NAME);
const id = integer(1);

type RuntimeMessageOf<K extends RuntimeMessage["kind"]> = Extract<RuntimeMessage, { readonly kind: K }>;

const runtimeMessage = tagged<RuntimeMessage>(
  "kind",
  new Map<string, Shape<RuntimeMessage>>([
    [
      "request",
      fields<RuntimeMessageOf<"request">>({
        kind: oneOf("request"),
        id,
        descriptors: integer(0, MAX_DESCRIPTORS),
        request,
      }),
    ],
    [
      "log-written",
      fields<RuntimeMessageOf<"log-written">>({ kind: oneOf("log-written"), container: name, bytes: integer(0) }),
    ],
  ]),
);

/** Checks a frame that came from the runtime. Throws `ProtocolError`. */
export function readRuntimeMessage(frame: Frame): RuntimeMessage {
  return runtimeMessage(frame.header, "message");
}

const startedRoutes: Shape<StartedRoutes> = fields<StartedRoutes>({
  routes: list(fields<StartedRoutes["routes"][number]>({ route: text(4096), entrypoint: text(4096) }), MAX_ROUTES),
});
const usage: Shape<ContainerUsage> = fields<ContainerUsage>({
  cpuMs: amount,
  memoryBytes: amount,
  requests: integer(0),
  failures: integer(0),
});
const result: Shape<StartedRoutes | ContainerUsage> = (value, at) =>
  typeof value === "object" && value !== null && "routes" in value ? startedRoutes(value, at) : usage(value, at);

type Refusal = Extract<Reply, { readonly ok: false }>;
const refusal: Shape<Refusal> = fields<Refusal>({
  ok: (value, at) => (flag(value, at) ? undefined : false),
  code: oneOf<ShimErrorCode>("unusable", "not-found", "exhausted", "internal"),
  message: text(MAX_MESSAGE),
});
type Success = Extract<Reply, { readonly ok: true }>;
const success: Shape<Success> = fields<Success>({
  ok: (value, at) => (flag(value, at) ? true : undefined),
  result: optional(result),
});
const reply: Shape<Reply> = (value, at) =>
  typeof value === "object" && value !== null && Reflect.get(value, "ok") === true
    ? success(value, at)
    : refusal(value, at);

const exit: Shape<ContainerExit> = fields<ContainerExit>({
  exitCode: integer(0, 255),
  reason: name,
  message: text(MAX_MESSAGE),
});

type NoticeOf<E extends Notice["event"]> = Extract<Notice, { readonly event: E }>;

function noticeShape(tail: Uint8Array): Shape<Notice> {
  return tagged<Notice>(
    "event",
    new Map<string, Shape<Notice>>([
      ["ready", fields<NoticeOf<"ready">>({ event: oneOf("ready"), warnings: list(text(MAX_MESSAGE), 16) })],
      [
        "log",
        fields<NoticeOf<"log">>({
          event: oneOf("log"),
          container: name,
          stream: oneOf("stdout", "stderr"),
          text: () => tail,
        }),
      ],
      ["exited", fields<NoticeOf<"exited">>({ event: oneOf("exited"), container: name, exit })],
      [
        "worker-replaced",
        fields<NoticeOf<"worker-replaced">>({
          event: oneOf("worker-replaced"),
          reason: text(MAX_MESSAGE),
          lostRequests: integer(0),
        }),
      ],
    ]),
  );
}

type ShimMessageOf<K extends ShimMessage["kind"]> = Extract<ShimMessage, { readonly kind: K }>;

/** Checks a frame that came from a shim, which may be hostile. Throws `ProtocolError`. */
export function readShimMessage(frame: Frame): ShimMessage {
  const shapes = new Map<string, Shape<ShimMessage>>([
    ["reply", fields<ShimMessageOf<"reply">>({ kind: oneOf("reply"), id, reply })],
    ["notice", fields<ShimMessageOf<"notice">>({ kind: oneOf("notice"), notice: noticeShape(frame.tail) })],
  ]);
  return tagged("kind", shapes)(frame.header, "message");
}

/** Header and tail of a message; the text of a log notice becomes the tail. */
export function frameOf(message: RuntimeMessage | ShimMessage): { header: unknown; tail: Uint8Array } {
  if (message.kind !== "notice" || message.notice.event !== "log") return { header: message, tail: new Uint8Array() };
  const { text: tail, ...rest } = message.notice;
  return { header: { kind: "notice", notice: rest }, tail };
}
