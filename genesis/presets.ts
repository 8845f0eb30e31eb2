/** Ready-made beginnings: a chain from its founders' keys and accounts. */
import { DEVNET_PARAMS } from './parameters.ts';
import { predeploys } from './predeploys/predeploys.ts';
import type { ChainParams, Genesis, GenesisAccount, GenesisValidator, Hex } from './types.ts';

export interface PresetInput {
  readonly validators: readonly GenesisValidator[];
  /** Wei for each funded account. */
  readonly balances: ReadonlyMap<Hex, bigint>;
  /** Seconds since 1970. Not in the future, or the first proposals wait for it. */
  readonly timestamp: number;
  readonly params?: ChainParams;
}

/**
 * Genesis of a new chain: the given parameters (default: those of a development network), the contracts every chain
 * starts with, the balances. Validators' bonds are not taken from the balances: block 0 creates them.
 */
export function createGenesis(input: PresetInput): Genesis {
  const alloc: Record<Hex, GenesisAccount> = { ...predeploys() };
  for (const [address, balance] of input.balances)
    alloc[address] = { ...alloc[address], balance: (alloc[address]?.balance ?? 0n) + balance };
  return {
    params: input.params ?? DEVNET_PARAMS,
    timestamp: input.timestamp,
    alloc,
    validators: [...input.validators],
  };
}
