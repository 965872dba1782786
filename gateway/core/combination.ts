/**
 * Several witnesses of one thing: who said so within a time. A witness counts once, however often it speaks; as many
 * are kept as there are witnesses.
 */
export interface Combination {
  say(witness: string, at: number): void
  /** It takes back what it said. */
  withdraw(witness: string): void
  /** Witnesses that stand by it at `at`. */
  count(at: number, except?: string): number
  /** Their names, in the order of their last word. */
  witnesses(at: number, except?: string): string[]
}

/** @param windowMs a word is worth something for so long; Infinity: until it is withdrawn */
export function createCombination(windowMs: number): Combination {
  const said = new Map<string, number>()
  function witnesses(at: number, except?: string): string[] {
    for (const [witness, saidAt] of said) if (at - saidAt > windowMs) said.delete(witness)
    return [...said.keys()].filter((witness) => witness !== except)
  }
  return {
    say(witness, at) {
      said.delete(witness)
      said.set(witness, at)
    },
    withdraw(witness) {
      said.delete(witness)
    },
    witnesses,
    count: (at, except) => witnesses(at, except).length,
  }
}
