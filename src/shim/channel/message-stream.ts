import { Socket } from "node:net";
import { encodeFrame, type Frame, FrameReader } from "./frame.ts";
import { ProtocolError } from "./protocol-error.ts";

/**
 * Bytes that may wait for the other side. A shim whose runtime does not read holds its logs back long before (`log-window.ts`),
 * so more than this means that the other side is stuck or hostile: the connection ends.
 */
export const MAX_UNSENT_BYTES = 64 * 1024 * 1024;

export interface MessageStreamHandlers {
  /** Takes a frame. What it throws ends the stream. */
  readonly onFrame: (frame: Frame) => void;
  /** Called once when the stream is over: `error` is undefined when the other side simply closed it. */
  readonly onEnd: (error: Error | undefined) => void;
}

/** Frames in both directions over a connected stream socket, which it owns. */
export class MessageStream {
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  readonly #handlers: MessageStreamHandlers;

  constructor(fd: number, handlers: MessageStreamHandlers) {
    this.#handlers = handlers;
    this.#socket = new Socket({ fd, readable: true, writable: true });
    let failure: Error | undefined;
    this.#socket.on("data", (chunk: Buffer) => this.#take(chunk));
    this.#socket.on("error", (error) => (failure = error));
    this.#socket.on("end", () => this.#socket.destroy());
    this.#socket.on("close", () => handlers.onEnd(failure));
  }

  /** Queues a frame. After the end it is dropped: `onEnd` has told or will tell. */
  send(header: unknown, tail?: Uint8Array): void {
    if (this.#socket.destroyed) return;
    this.#socket.write(encodeFrame(header, tail));
    if (this.#socket.writableLength > MAX_UNSENT_BYTES) {
      this.end(new ProtocolError(`The other side has left ${this.#socket.writableLength} bytes unread`));
    }
  }

  /** Closes the socket; `onEnd` follows. */
  end(error?: Error): void {
    this.#socket.destroy(error);
  }

  #take(chunk: Buffer): void {
    try {
      for (const frame of this.#reader.push(chunk)) {
        if (this.#socket.destroyed) return;
        this.#handlers.onFrame(frame);
      }
    } catch (error) {
      this.end(error as Error);
    }
  }
}
