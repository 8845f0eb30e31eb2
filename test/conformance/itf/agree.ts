/** @throws Error that shows both texts, if they differ */
export function agree(what: string, ours: string, model: string): void {
  if (ours !== model) throw new Error(`${what}\n  ours  ${ours}\n  model ${model}`);
}
