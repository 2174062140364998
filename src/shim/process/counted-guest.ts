import type { Guest, Outcome } from "../../engine/index.ts";

/** The guest, with its runs under way counted in `words[index]`, so that they can be told when this thread is gone. */
export function counted(guest: Guest, words: Int32Array, index: number): Guest {
  const release = (outcome: Outcome): Outcome => {
    words[index] = (words[index] ?? 0) - 1;
    return outcome;
  };
  return {
    run(invocation) {
      words[index] = (words[index] ?? 0) + 1;
      const outcome = guest.run(invocation);
      return outcome instanceof Promise ? outcome.then(release) : release(outcome);
    },
    memoryBytes: () => guest.memoryBytes(),
    close: () => guest.close(),
  };
}
