const SUFFIXES: Readonly<Record<string, number>> = {
  "": 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};
const FORM = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([a-zA-Z]{0,2}))$/;

/**
 * Reads a Kubernetes resource quantity ("500m", "64Mi", "1e3") as a number of its base unit (cores, bytes).
 * Throws SyntaxError for anything else.
 */
export function parseQuantity(text: string): number {
  const match = FORM.exec(text);
  const factor = match?.[2] ? Number(`1${match[2]}`) : SUFFIXES[match?.[3] ?? ""];
  if (!match || factor === undefined) throw new SyntaxError(`Cannot parse quantity "${text}"`);
  return Number(match[1]) * factor;
}
