/**
 * The accounts of a development network. Their keys are computed from public text: everybody has them. They are the
 * same on every devnet, so that a wallet needs to import them once.
 */

import { OPEN } from '../../genesis/parameters.ts';
import type { Hex } from '../../genesis/types.ts';
import { keccak256 } from '../../state/crypto.ts';
import { addressOf, checksumAddress } from '../keys/hex.ts';

export interface DevelopmentAccount {
  readonly name: string;
  /** With EIP-55 checksum. */
  readonly address: Hex;
  readonly privateKey: Hex;
  /** Wei at genesis. */
  readonly balance: bigint;
}

/** People of the stories that the network is used for; the last three are roles. */
const NAMES = [
  'alice',
  'bob',
  'carol',
  'dave',
  'erin',
  'frank',
  'grace',
  'curator',
  'operator',
  'asker',
] as const;

const BALANCE = 10_000n * OPEN;
/** Validators pay only for their own transactions. */
const VALIDATOR_BALANCE = 100n * OPEN;

export function developmentAccounts(): DevelopmentAccount[] {
  return NAMES.map((name) => account(name, BALANCE));
}

/** Operator's account of validator `index`. */
export function validatorAccount(index: number): DevelopmentAccount {
  return account(`validator-${index}`, VALIDATOR_BALANCE);
}

function account(name: string, balance: bigint): DevelopmentAccount {
  const privateKey = keccak256(new TextEncoder().encode(`openledger development account ${name}`));
  return {
    name,
    address: checksumAddress(addressOf(privateKey)),
    privateKey: `0x${Buffer.from(privateKey).toString('hex')}`,
    balance,
  };
}
