/** A chain small enough to be written down: accounts in a map, transactions as JSON instead of signed RLP. */
import {
  createPool,
  type GateAnswer,
  type Pool,
  type PoolAccount,
  type PoolJournal,
} from '../../../node/mempool/index.ts';
import type { Hex, PooledTransaction } from '../../../state/types.ts';

export interface Wish {
  from: string;
  nonce: number;
  tip?: number;
  fee?: number;
  gas?: number;
  value?: number;
  /** Tells apart transactions that are otherwise the same. */
  salt?: number;
  unprotected?: boolean;
  padding?: number;
}

export const address = (name: string): Hex =>
  `0x${Buffer.from(name).toString('hex').padEnd(40, '0').slice(0, 40)}`;

export function raw(wish: Wish): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(wish) + ' '.repeat(wish.padding ?? 0));
}

export function decode(bytes: Uint8Array): PooledTransaction {
  let wish: Wish;
  try {
    wish = JSON.parse(new TextDecoder().decode(bytes)) as Wish;
  } catch {
    throw new Error('typed transaction too short');
  }
  const fee = BigInt(wish.fee ?? 100);
  return {
    hash: `0x${Buffer.from(JSON.stringify(wish)).toString('hex')}`,
    raw: bytes,
    type: 2,
    from: address(wish.from),
    to: address('shop'),
    nonce: BigInt(wish.nonce),
    value: BigInt(wish.value ?? 0),
    gasLimit: BigInt(wish.gas ?? 21_000),
    maxFeePerGas: fee,
    maxPriorityFeePerGas: BigInt(wish.tip ?? 1),
    data: new Uint8Array(),
    chainId: wish.unprotected ? null : 7n,
    v: 0n,
    r: 0n,
    s: 0n,
  };
}

/** A journal in memory that outlives the pool, as a file would. */
export function memoryJournal(records: Uint8Array[] = []): PoolJournal & { records: Uint8Array[] } {
  const journal = {
    records,
    load: () => [...journal.records],
    append: (raws: readonly Uint8Array[]) => {
      journal.records.push(...raws);
    },
    rewrite: (raws: readonly Uint8Array[]) => {
      journal.records = [...raws];
    },
    size: () => journal.records.reduce((sum, r) => sum + r.length, 0),
    close: () => {},
  };
  return journal;
}

export function town(
  options: {
    limits?: Parameters<typeof createPool>[0]['limits'];
    journal?: ReturnType<typeof memoryJournal>;
    gate?: (tx: PooledTransaction) => GateAnswer;
  } = {},
) {
  const accounts = new Map<Hex, PoolAccount>();
  const journal = options.journal ?? memoryJournal();
  const chain = { head: 0, baseFee: 10n };
  const clock = { ms: 1_000 };
  const executable: string[] = [];
  const broadcast: string[] = [];
  const label = (tx: PooledTransaction): string =>
    `${Buffer.from(tx.from.slice(2), 'hex').toString().replaceAll('\0', '')}:${tx.nonce}`;
  const pool: Pool = createPool({
    journal,
    nowMs: () => clock.ms,
    onExecutable: (txs) => executable.push(...txs.map(label)),
    onBroadcast: (txs) => broadcast.push(...txs.map(label)),
    ...(options.limits ? { limits: options.limits } : {}),
    chain: {
      decode,
      account: (a) => ({ ...(accounts.get(a) ?? { nonce: 0n, balance: 10n ** 18n, code: 'none' as const }) }),
      headNumber: () => chain.head,
      nextBaseFee: () => chain.baseFee,
      intrinsicGas: () => ({ intrinsic: 21_000n, floor: 21_000n }),
      maxTransactionGas: () => ({ perTransaction: 1n << 24n, perBlock: 30_000_000n }),
      minBaseFee: () => 7n,
      gate: options.gate ?? (() => ({ state: 'ready' })),
    },
  });
  const set = (name: string, account: Partial<PoolAccount>): void => {
    const old = accounts.get(address(name)) ?? { nonce: 0n, balance: 10n ** 18n, code: 'none' as const };
    accounts.set(address(name), { ...old, ...account });
  };
  return {
    pool,
    journal,
    chain,
    clock,
    executable,
    broadcast,
    set,
    add: (wish: Wish, origin: 'local' | 'remote' = 'local') => pool.add(raw(wish), origin),
    order: (baseFee = chain.baseFee) => [...pool.candidates(baseFee)].map(label),
    /** A block with these transactions, executed by raising nonces. */
    block: (...included: Wish[]) => {
      chain.head += 1;
      for (const wish of included) set(wish.from, { nonce: BigInt(wish.nonce + 1) });
      pool.onHead(included.map((w) => address(w.from)));
    },
  };
}
