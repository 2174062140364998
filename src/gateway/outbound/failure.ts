/** What the functions of `wasi_experimental_http` answer. */
export const CODE = {
  ok: 0,
  invalidHandle: 1,
  memoryNotFound: 2,
  memoryAccess: 3,
  bufferTooSmall: 4,
  headerNotFound: 5,
  utf8: 6,
  destinationNotAllowed: 7,
  invalidMethod: 8,
  invalidEncoding: 9,
  invalidUrl: 10,
  requestError: 11,
  runtimeError: 12,
  tooManySessions: 13,
} as const;

export type Code = (typeof CODE)[keyof typeof CODE];

/** A call that comes to nothing: the code is for the guest, the message for the container's log. */
export class CallFailure extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CallFailure";
    this.code = code;
  }
}
