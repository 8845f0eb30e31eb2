/** State overrides of calls and simulations, as geth takes them. */
import type { BaseState } from './accounts/account.ts';
import { EMPTY_BYTES, EMPTY_TRIE_ROOT, fromHex, KECCAK_EMPTY, stripZeros } from './crypto.ts';
import type { PrecompileChanges } from './execution/engine.ts';
import { slotName, World } from './execution/world.ts';
import { isPrecompile } from './precompiles.ts';
import type { AccountOverride, Hex, StateOverrides } from './types.ts';

/** Overrides that contradict each other or the chain. The text is geth's. */
export class OverrideError extends Error {
  override name = 'OverrideError';
  readonly code = 'BAD_OVERRIDE';
}

function entriesOf(overrides: StateOverrides): [Hex, AccountOverride][] {
  return Object.entries(overrides).map(([name, change]) => [name.toLowerCase() as Hex, change]);
}

/** A precompile whose account is overridden answers no longer, as in geth. @throws OverrideError */
export function precompileChanges(overrides: StateOverrides): PrecompileChanges {
  const entries = entriesOf(overrides);
  const moved: { from: Hex; to: Hex }[] = [];
  for (const [from, { movePrecompileTo }] of entries) {
    if (movePrecompileTo === undefined) continue;
    const to = movePrecompileTo.toLowerCase() as Hex;
    if (!isPrecompile(from)) throw new OverrideError(`account ${from} is not a precompile`);
    if (entries.some(([address]) => address === to))
      throw new OverrideError(`account ${to} is already overridden`);
    moved.push({ from, to });
  }
  return { moved, removed: entries.map(([address]) => address).filter(isPrecompile) };
}

/** Writes everything but replaced storages, which `forgetStorage` makes empty first, and ends the transaction. */
export function writeOverrides(
  world: World,
  overrides: StateOverrides,
  forgetStorage: (address: Hex) => void,
): void {
  for (const [address, change] of entriesOf(overrides)) {
    if (change.state !== undefined) forgetStorage(address);
    const account = world.read(address);
    world.write(address, {
      nonce: change.nonce ?? account?.nonce ?? 0n,
      balance: change.balance ?? account?.balance ?? 0n,
      storageRoot: account?.storageRoot ?? EMPTY_TRIE_ROOT,
      codeHash: account?.codeHash ?? KECCAK_EMPTY,
    });
    if (change.code !== undefined) world.writeCode(address, change.code);
    for (const [slot, value] of Object.entries(change.state ?? change.stateDiff ?? {}))
      world.writeSlot(address, slotName(fromHex(slot, 32)), stripZeros(fromHex(value, 32)));
  }
  world.endTransaction();
}

/** A world for one call. */
export function overriddenWorld(base: BaseState, overrides: StateOverrides | undefined): World {
  if (overrides === undefined) return new World(base);
  const replaced = new Set<Hex>();
  const world = new World({
    ...base,
    slot: (address, slot) => (replaced.has(address) ? EMPTY_BYTES : base.slot(address, slot)),
  });
  writeOverrides(world, overrides, (address) => replaced.add(address));
  return world;
}
