/** All coins there are, so that anyone can check that none was made or lost. */
import type { ChainReader } from '../state/types.ts';
import { quantity } from './encode.ts';
import { RPC_CODES, RpcError } from './errors.ts';
import { headerOf } from './method.ts';

/** Accounts read at once. */
const PAGE = 1_000;
/** Headers read before other requests get a turn. */
const SLICE = 256;
/** A count that was overtaken by a block is made again, this often. */
const MAX_TRIES = 8;

/** Base fees burnt up to a height, per reader: blocks never change, so the sum only goes on. */
const burnt = new WeakMap<ChainReader, { number: number; sum: bigint }>();

/**
 * Sum of all balances (escrows, bonds, deposits and rewards are balances of module accounts) and base fees burnt
 * since block 1. Their total is what block 0 gave out, for ever: there is no issuance.
 */
export async function supply(reader: ChainReader): Promise<object> {
  await burntUpTo(reader, reader.head().number);
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const head = reader.head();
    const { balances, accounts } = sumOfBalances(reader);
    // The accounts are those of the head; if it moved meanwhile, pages of two states were added up.
    if (reader.head().number !== head.number) continue;
    const burntFees = await burntUpTo(reader, head.number);
    return {
      number: head.number,
      hash: head.hash,
      accounts,
      balances: quantity(balances),
      burntBaseFees: quantity(burntFees),
      total: quantity(balances + burntFees),
    };
  }
  throw new RpcError(RPC_CODES.server, 'blocks come faster than the accounts can be counted; try again');
}

function sumOfBalances(reader: ChainReader): { balances: bigint; accounts: number } {
  let balances = 0n;
  let accounts = 0;
  let after: Parameters<ChainReader['accounts']>[0];
  for (;;) {
    const page = reader.accounts(after, PAGE);
    for (const { account } of page) balances += account.balance;
    accounts += page.length;
    if (page.length < PAGE) return { balances, accounts };
    after = page.at(-1)?.address;
  }
}

async function burntUpTo(reader: ChainReader, number: number): Promise<bigint> {
  const known = burnt.get(reader) ?? { number: 0, sum: 0n };
  if (known.number > number) {
    // Counted further already: take the blocks above off again.
    let sum = known.sum;
    for (let above = number + 1; above <= known.number; above++) sum -= burntIn(reader, above);
    return sum;
  }
  let { sum } = known;
  for (let next = known.number + 1; next <= number; next++) {
    sum += burntIn(reader, next);
    if (next % SLICE === 0) await new Promise(setImmediate);
  }
  const latest = burnt.get(reader);
  if (latest === undefined || latest.number < number) burnt.set(reader, { number, sum });
  return sum;
}

function burntIn(reader: ChainReader, number: number): bigint {
  const header = headerOf(reader, number);
  if (header === undefined)
    throw new RpcError(RPC_CODES.server, `block ${number} is not stored here (pruned)`);
  return header.gasUsed * header.baseFeePerGas;
}
