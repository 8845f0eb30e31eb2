/** A comparison that did not hold. */
export class Mismatch extends Error {}

/** @throws Mismatch */
export function agree(what: string, ours: string, model: string): void {
  if (ours !== model) throw new Mismatch(`${what}\n  ours  ${ours}\n  model ${model}`);
}
