/** Balances at genesis as the command line gives them. */
import type { Hex } from '../../genesis/types.ts';
import { UserError } from '../config/errors.ts';
import { parseAmount } from './amounts.ts';
import type { FlagSpec } from './command.ts';
import { addressValue } from './values.ts';

export const FUND_FLAG = {
  type: 'string',
  value: 'ADDRESS=AMOUNT',
  help: 'balance at the start',
  multiple: true,
} as const satisfies FlagSpec;

/** Entries for one address add up. @throws UserError USAGE | BAD_AMOUNT */
export function readFunding(entries: readonly string[]): Map<Hex, bigint> {
  const balances = new Map<Hex, bigint>();
  for (const entry of entries) {
    const [address, amount, ...more] = entry.split('=');
    if (address === undefined || amount === undefined || more.length > 0)
      throw new UserError('USAGE', `--fund: '${entry}' is not ADDRESS=AMOUNT`);
    const key = addressValue(address, '--fund');
    balances.set(key, (balances.get(key) ?? 0n) + parseAmount(amount));
  }
  return balances;
}
