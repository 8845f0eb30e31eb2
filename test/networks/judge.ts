/** What a network must be, seen over RPC alone. */
import type { Client, Hex } from '../e2e/support/client.ts';
import { within } from './load.ts';
import { inOwnTime, ownTimeMs, SLOWEST } from './machine.ts';

export interface Judged {
  readonly name: string;
  readonly client: Client;
}

export interface ValidatorView {
  readonly address: Hex;
  readonly bond: bigint;
  readonly power: bigint;
  readonly jailed: boolean;
}

type Block = Record<string, unknown> & { readonly number: Hex; readonly miner: Hex };

/** Calls of one node on their way at a time. */
const AT_ONCE = 16;
const CALL_MS = 60_000;
/** A node that lags by more is not looked at here: that it follows was judged before. */
const CATCH_UP_MS = 120_000;

export async function heightOf(client: Client): Promise<number> {
  return Number(await within(CALL_MS, client.call<Hex>('eth_blockNumber')));
}

export interface Recovery {
  /** On the wall, and by the clock of machine.ts, which is the one that counts. */
  readonly wallMs: number;
  readonly ownMs: number;
}

/** A moment on both clocks. */
export interface Moment {
  readonly wallMs: number;
  readonly ownMs: number;
}

export function now(): Moment {
  return { wallMs: performance.now(), ownMs: ownTimeMs() };
}

/**
 * The time from `since` until the slowest node had a block that nobody had when this was called.
 * @param besides others whose blocks it must have overtaken
 * @throws Error that names a node which did not get there in time
 */
export async function untilFresh(
  nodes: readonly Judged[],
  since: Moment,
  deadlineMs: number,
  besides: readonly Judged[] = [],
): Promise<Recovery> {
  const heights = await Promise.all(
    [...nodes, ...besides].map(({ name, client }) => heightOf(client).catch(silent(name))),
  );
  const goal = Math.max(...heights) + 1;
  await Promise.all(
    nodes.map(async ({ name, client }) => {
      let height = 0;
      const there = client.untilHead(({ number }) => {
        height = number;
        return number >= goal;
      }, deadlineMs * SLOWEST);
      await inOwnTime(
        there,
        since.ownMs,
        deadlineMs,
        () => `${name} is at block ${height} and was not at ${goal} within ${deadlineMs / 1000} s`,
      ).finally(() => there.catch(() => {}));
    }),
  );
  const end = now();
  return { wallMs: end.wallMs - since.wallMs, ownMs: end.ownMs - since.ownMs };
}

function silent(name: string): (error: Error) => never {
  return (error) => {
    throw new Error(`${name} does not answer: ${error.message}`);
  };
}

/** A node with the first block that it has. */
export interface Holder extends Judged {
  readonly first: number;
}

export interface Headers {
  readonly top: number;
  /** Nodes that have a chain up to `top`. */
  readonly holders: readonly Holder[];
  readonly problems: string[];
}

/**
 * Problems of the headers from block 0 to the highest head.
 * @param fromSnapshot names of those that may lack the first ones
 */
export async function compareHeaders(
  nodes: readonly Judged[],
  fromSnapshot: ReadonlySet<string> = new Set(),
): Promise<Headers> {
  const problems: string[] = [];
  const tell = (error: Error): undefined => void problems.push(error.message);
  const heights = await Promise.all(
    nodes.map(({ name, client }) => heightOf(client).catch(silent(name)).catch(tell)),
  );
  const answering = nodes.filter((_, index) => heights[index] !== undefined);
  const top = Math.max(0, ...heights.map((height) => height ?? 0));
  const chains = (
    await Promise.all(
      answering.map(async ({ name, client }) => {
        try {
          await client.untilHead(({ number }) => number >= top, CATCH_UP_MS);
          return { name, client, blocks: await headers(client, top) };
        } catch (error) {
          return tell(new Error(`${name} has not block ${top}: ${(error as Error).message}`));
        }
      }),
    )
  ).filter((chain) => chain !== undefined);
  for (let number = 0; number <= top; number++) {
    const known = chains.flatMap(({ name, blocks }) => {
      const block = blocks[number];
      return block === undefined ? [] : [{ name, text: JSON.stringify(block) }];
    });
    const [first] = known;
    if (first === undefined) problems.push(`nobody has block ${number}`);
    for (const { name, text } of known)
      if (text !== first?.text) problems.push(`block ${number} of ${name} is not that of ${first?.name}`);
  }
  const holders = chains.map(({ name, client, blocks }): Holder => {
    const first = blocks.findIndex((block) => block !== undefined);
    const gap = blocks.findIndex((block, number) => number > first && block === undefined);
    if (first > 0 && !fromSnapshot.has(name)) problems.push(`${name} has no block before ${first}`);
    if (gap >= 0) problems.push(`${name} has no block ${gap}`);
    return { name, client, first };
  });
  return { top, holders, problems };
}

async function headers(client: Client, top: number): Promise<(Block | undefined)[]> {
  const found: (Block | undefined)[] = new Array(top + 1).fill(undefined);
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next <= top) {
        const number = next++;
        const tag = `0x${number.toString(16)}`;
        found[number] =
          (await within(CALL_MS, client.call<Block | null>('eth_getBlockByNumber', tag, false))) ?? undefined;
      }
    }),
  );
  return found;
}

/**
 * Problems of transactions that were accepted: each must have the same receipt on every node that has executed its block.
 * The block of a snapshot came with its state, and was not executed.
 */
export async function checkIncluded(nodes: readonly Holder[], hashes: readonly Hex[]): Promise<string[]> {
  const problems: string[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < hashes.length) {
        const hash = hashes[next++] as Hex;
        const receipts = await Promise.all(
          nodes.map(({ client }) =>
            within(
              CALL_MS,
              client.call<{ status: Hex; blockHash: Hex; blockNumber: Hex } | null>(
                'eth_getTransactionReceipt',
                hash,
              ),
            ),
          ),
        );
        const found = receipts.filter((receipt) => receipt !== null);
        const places = new Set(found.map(({ blockHash }) => blockHash));
        if (places.size !== 1) problems.push(`${hash} is in ${places.size} blocks`);
        const number = Number(found[0]?.blockNumber);
        for (const [index, { name, first }] of nodes.entries())
          if (receipts[index] === null && (first === 0 || first < number))
            problems.push(`${hash} is in block ${number}, and ${name} has executed that and has no receipt`);
        if (receipts.some((receipt) => receipt !== null && receipt.status !== '0x1'))
          problems.push(`${hash} failed`);
      }
    }),
  );
  return problems;
}

/** Problems of transactions that no block may hold. */
export async function checkAbsent(nodes: readonly Judged[], hashes: readonly Hex[]): Promise<string[]> {
  const problems: string[] = [];
  for (const hash of hashes)
    for (const { name, client } of nodes)
      if ((await within(CALL_MS, client.call('eth_getTransactionReceipt', hash))) !== null)
        problems.push(`${hash} should have been refused and is in a block of ${name}`);
  return problems;
}

export async function validatorsOf(client: Client): Promise<ValidatorView[]> {
  const { validators } = await within(
    CALL_MS,
    client.call<{ validators: { address: Hex; bond: Hex; power: Hex; jailed: boolean }[] }>('ol_validators'),
  );
  return validators.map((one) => ({
    address: one.address.toLowerCase() as Hex,
    bond: BigInt(one.bond),
    power: BigInt(one.power),
    jailed: one.jailed,
  }));
}

/** Resolves when a block was proposed for whom `recipient` earns. */
export async function untilProposes(client: Client, recipient: Hex, deadlineMs: number): Promise<void> {
  let last = await heightOf(client);
  await client.until(async () => {
    const top = await heightOf(client);
    for (; last < top; last++) {
      const block = await client.call<Block>('eth_getBlockByNumber', `0x${(last + 1).toString(16)}`, false);
      if (block.miner.toLowerCase() === recipient.toLowerCase()) return true;
    }
    return undefined;
  }, deadlineMs);
}
