/**
 * People who send transactions to whatever node answers, as wallets do: what is not in a block after a while is sent again
 * to another node. They remember everything they sent and, of what they sent on purpose wrongly, why it was refused.
 */
import { getContractAddress, keccak256 } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { eventsOf, type TransactionReceipt } from '../../node/client/client.ts';
import { signNative } from '../../node/client/sign.ts';
import { fromHex } from '../../state/crypto.ts';
import { TYPE } from '../../state/modules/addresses.ts';
import { dataNetInterface } from '../../state/modules/interfaces.ts';
import { type Client, type Hex, RpcFailure } from '../e2e/support/client.ts';
import type { LoadKind } from './manifest.ts';

export interface LoadReport {
  /** Hashes that a node accepted; all of them must be in blocks. */
  readonly accepted: readonly Hex[];
  /** Hashes of wrong ones that a node took which was behind; none of them may be in a block. */
  readonly wrong: readonly Hex[];
  /** Reasons why the wrong ones were refused, with their number. */
  readonly refused: ReadonlyMap<string, number>;
  /** Transfers that had to be given to a second node. */
  readonly repeated: number;
  readonly problems: readonly string[];
}

export interface RunningLoad {
  /** Resolves when everything that was sent is in blocks, or is a problem. */
  stop(): Promise<LoadReport>;
  accepted(): number;
}

const GWEI = 1_000_000_000n;
const RECEIVER: Hex = '0x00000000000000000000000000000000000051ab';
/** Counts its calls in slot 0 and logs each: sload, add 1, sstore, log0. */
const COUNTER: Hex = `0x6e60005460010160005560006000a000600052600f6011f3`;
/** To make it, or to call it the first time. */
const CONTRACT_GAS = 200_000n;
const NATIVE_GAS = 1_000_000n;
/** A node that is paused answers nothing. */
const CALL_MS = 5_000;
/** Longer than a few rounds without a proposer. */
const PATIENCE_MS = 15_000;
/** Somebody whose transfer is in no block after so many tries has lost it. */
const MAX_TRIES = 8;
/** After a try that failed, twice as long after each: a node that ends just now is gone, or is another, a little later. */
const PAUSE_MS = 250;
const MAX_PAUSE_MS = 4_000;
/** All may be down at the same time, and a node on a busy machine takes its time to start. */
const DESERTED_MS = 180_000;

/** No node has answered anybody for long. */
class Deserted extends Error {
  override name = 'Deserted';
}

interface Wrong {
  readonly nonce: number;
  readonly value: bigint;
  readonly maxFeePerGas: bigint;
  readonly reason: RegExp;
}

export function startLoad(parts: {
  readonly keys: readonly Hex[];
  readonly inFlight: number;
  /** In turn. */
  readonly kinds: readonly LoadKind[];
  readonly chainId: number;
  /** Nodes that run now, in any order. */
  readonly clients: () => readonly Client[];
}): RunningLoad {
  const accepted: Hex[] = [];
  const wronglyAccepted: Hex[] = [];
  const refused = new Map<string, number>();
  const problems: string[] = [];
  let repeated = 0;
  let stopping = false;
  let turn = 0;
  let answeredAtMs = performance.now();

  /** While no node runs, people wait for one. @throws Deserted */
  async function next(): Promise<Client> {
    for (;;) {
      if (performance.now() - answeredAtMs > DESERTED_MS)
        throw new Deserted(`no node has answered for ${DESERTED_MS / 1000} s`);
      const clients = parts.clients();
      const client = clients[turn++ % Math.max(1, clients.length)];
      if (client !== undefined) return client;
      await sleep(PAUSE_MS);
    }
  }

  /** @throws RpcFailure when the node says no; Deserted; Error when it does not answer */
  async function ask<T>(method: string, param: Hex): Promise<T> {
    const client = await next();
    try {
      const answer = await within(CALL_MS, client.call<T>(method, param));
      answeredAtMs = performance.now();
      return answer;
    } catch (error) {
      if (error instanceof RpcFailure) answeredAtMs = performance.now();
      throw error;
    }
  }

  /** Gives it to one node after the other until one has it. @throws RpcFailure when a node refuses it; Deserted */
  async function submit(raw: Hex): Promise<Hex | undefined> {
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      try {
        return await ask<Hex>('eth_sendRawTransaction', raw);
      } catch (error) {
        if (error instanceof RpcFailure || error instanceof Deserted) throw error;
        // The node is gone, paused, or ends just now: somebody else then.
        await sleep(Math.min(MAX_PAUSE_MS, PAUSE_MS * 2 ** attempt));
      }
    }
    return undefined;
  }

  async function person(key: Hex): Promise<void> {
    const account = privateKeyToAccount(key);
    const sign = (fields: { nonce: number; value: bigint; maxFeePerGas: bigint }) =>
      account.signTransaction({
        type: 'eip1559',
        chainId: parts.chainId,
        to: RECEIVER,
        gas: 21_000n,
        maxPriorityFeePerGas: fields.maxFeePerGas < GWEI ? fields.maxFeePerGas : GWEI,
        ...fields,
      });
    /** Its own, once it is in a block: what is amended after that makes the state no larger. */
    let dataNet: bigint | undefined;
    /** Made with the first call. */
    let contract: Hex | undefined;
    const good: Record<LoadKind, (nonce: number) => Promise<Hex>> = {
      transfer: (nonce) => sign({ nonce, value: 1n, maxFeePerGas: 10n * GWEI }),
      async contract(nonce) {
        const fees = { maxFeePerGas: 10n * GWEI, maxPriorityFeePerGas: GWEI };
        const common = {
          type: 'eip1559',
          chainId: parts.chainId,
          nonce,
          gas: CONTRACT_GAS,
          ...fees,
        } as const;
        if (contract !== undefined) return account.signTransaction({ ...common, to: contract });
        contract = getContractAddress({ from: account.address, nonce: BigInt(nonce) });
        return account.signTransaction({ ...common, data: COUNTER });
      },
      native: async (nonce) =>
        dataNet === undefined
          ? nativeTransaction(parts.chainId, nonce, key, createDataNet)
          : nativeTransaction(parts.chainId, nonce, key, amendDataNet(dataNet, nonce)),
    };
    let nonce = 0;
    for (let batch = 0; !stopping; batch++) {
      const raws: Hex[] = [];
      for (let i = 0; i < parts.inFlight; i++) {
        const kind = parts.kinds[nonce % parts.kinds.length] as LoadKind;
        raws.push(await good[kind](nonce++));
      }
      const hashes: Hex[] = [];
      for (const raw of raws) if (await give(raw, account.address)) hashes.push(keccak256(raw));
      accepted.push(...hashes);
      const last = hashes.at(-1);
      if (last === undefined || !(await included(last, raws))) return;
      if (parts.kinds.includes('native')) dataNet ??= await dataNetOf(hashes);
      await refuse(sign, nonce, batch);
    }
  }

  /** Whether a node has it. */
  async function give(raw: Hex, from: string): Promise<boolean> {
    try {
      const hash = await submit(raw);
      if (hash === undefined) problems.push(`no node took a transfer of ${from}`);
      return hash !== undefined;
    } catch (error) {
      if (error instanceof Deserted) throw error;
      // A node that took it before its connection was lost says that it knows it, or that it is in a block.
      const { message } = error as Error;
      if (/already known|nonce too low/.test(message)) return true;
      problems.push(`a good transfer of ${from} was refused: ${message}`);
      return false;
    }
  }

  async function included(hash: Hex, raws: readonly Hex[]): Promise<boolean> {
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      try {
        const client = await next();
        await client.until(() => client.call('eth_getTransactionReceipt', hash), PATIENCE_MS);
        return true;
      } catch (error) {
        if (error instanceof Deserted) throw error;
        repeated += 1;
        for (const raw of raws) await submit(raw).catch(unlessDeserted);
      }
    }
    problems.push(`${hash} is in no block`);
    return false;
  }

  /** The DataNet that one of these has made; undefined when the node that is asked does not have its block yet. */
  async function dataNetOf(hashes: readonly Hex[]): Promise<bigint | undefined> {
    for (const hash of hashes) {
      const receipt = await ask<TransactionReceipt | null>('eth_getTransactionReceipt', hash).catch(
        unlessDeserted,
      );
      const made =
        receipt === null || receipt === undefined
          ? undefined
          : eventsOf(receipt).find(({ name }) => name === 'Created');
      if (made !== undefined) return made.values['id'] as bigint;
    }
    return undefined;
  }

  /** One of three transfers that no node may take. */
  async function refuse(sign: (fields: Wrong) => Promise<Hex>, nonce: number, batch: number): Promise<void> {
    const kinds: Wrong[] = [
      // A node that is behind may still hold the transfer of this nonce, and would take another only for more.
      {
        nonce: 0,
        value: 2n,
        maxFeePerGas: 10n * GWEI,
        reason: /nonce too low|replacement transaction underpriced/,
      },
      { nonce, value: 10n ** 30n, maxFeePerGas: 10n * GWEI, reason: /insufficient funds/ },
      { nonce, value: 3n, maxFeePerGas: 1n, reason: /underpriced|max fee per gas less than block base fee/ },
    ];
    const wrong = kinds[batch % kinds.length] as Wrong;
    try {
      const hash = await submit(await sign(wrong));
      // A node that has lost its disk believes what the first blocks say, until it has the others.
      if (hash !== undefined) wronglyAccepted.push(hash);
    } catch (error) {
      if (error instanceof Deserted) throw error;
      const { message } = error as Error;
      if (!wrong.reason.test(message))
        problems.push(`refused for another reason than ${wrong.reason}: ${message}`);
      const reason = wrong.reason.exec(message)?.[0] ?? message;
      refused.set(reason, (refused.get(reason) ?? 0) + 1);
    }
  }

  const people = Promise.all(
    parts.keys.map((key) =>
      person(key).catch((error: Error) => problems.push(`a sender gave up: ${error.message}`)),
    ),
  );
  return {
    async stop() {
      stopping = true;
      await people;
      return { accepted, wrong: wronglyAccepted, refused, repeated, problems };
    },
    accepted: () => accepted.length,
  };
}

function unlessDeserted(error: Error): undefined {
  if (error instanceof Deserted) throw error;
  return undefined;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const createDataNet = dataNetInterface.nativeCall('create', ['Tales', 'Tales', 'Of people.', []]);

function amendDataNet(id: bigint, nonce: number): typeof createDataNet {
  return dataNetInterface.nativeCall('amend', [id, 'Tales', `Told ${nonce} times.`, []]);
}

function nativeTransaction(chainId: number, nonce: number, key: Hex, call: typeof createDataNet): Hex {
  const { raw } = signNative(
    {
      chainId,
      nonce: BigInt(nonce),
      gasLimit: NATIVE_GAS,
      value: 0n,
      maxFeePerGas: 10n * GWEI,
      maxPriorityFeePerGas: GWEI,
      type: TYPE.datanet,
      ...call,
    },
    fromHex(key, 32),
  );
  return `0x${Buffer.from(raw).toString('hex')}`;
}

export async function within<T>(ms: number, promise: Promise<T>, otherwise = 'no answer'): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${otherwise} within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
