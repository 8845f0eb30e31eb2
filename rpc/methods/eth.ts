/** The `eth` namespace. Results and refusals as geth gives them; docs/rpc.md lists what differs. */
import { EMPTY_TRIE_ROOT_HEX, KECCAK_EMPTY_HEX } from '../../state/crypto.ts';
import type { ChainReader, Hex } from '../../state/types.ts';
import { bytesOf, hexOf, quantity } from '../encode.ts';
import { RPC_CODES, RpcError } from '../errors.ts';
import { feeHistory, gasPrice, nextBaseFee, suggestTip } from '../fees.ts';
import { DEFAULT_LIMITS, type RpcLimits } from '../limits.ts';
import {
  findNumber,
  headerOf,
  type Methods,
  method,
  type RpcContext,
  resolveNumber,
  stateOf,
} from '../method.ts';
import {
  address,
  asObject,
  type BlockSelector,
  blockNumberOrTag,
  blockSelector,
  custom,
  hexOrDecimal,
  list,
  namedSlot,
  optional,
  slot,
} from '../params.ts';
import { blockMethods } from './eth-blocks.ts';
import { callMethods } from './eth-calls.ts';
import { logMethods } from './eth-logs.ts';

export function ethMethods(limits: RpcLimits = DEFAULT_LIMITS): Methods {
  return {
    ...chainMethods(),
    ...accountMethods(limits),
    ...blockMethods(),
    ...callMethods(),
    ...logMethods(limits),
  };
}

function chainMethods(): Methods {
  return {
    eth_chainId: method([], ({ reader }) => quantity(reader.params.chainId)),
    eth_blockNumber: method([], ({ reader }) => quantity(reader.head().number)),
    eth_syncing: method([], async ({ backend }) => {
      const progress = await backend.syncing();
      return progress === undefined
        ? false
        : {
            startingBlock: quantity(progress.startingBlock),
            currentBlock: quantity(progress.currentBlock),
            highestBlock: quantity(progress.highestBlock),
          };
    }),
    // No keys are held here.
    eth_accounts: method([], () => []),
    eth_mining: method([], () => false),
    eth_baseFee: method([], ({ reader }) => quantity(nextBaseFee(reader))),
    // There are no blobs: the least price that EIP-4844 knows, which BLOBBASEFEE says as well.
    eth_blobBaseFee: method([], () => '0x1'),
    eth_capabilities: method([], ({ reader }) => {
      const { number, hash } = reader.head();
      const all = { disabled: false, oldestBlock: '0x0' };
      const states = { disabled: false, oldestBlock: quantity(reader.oldestState()) };
      return {
        head: { number: quantity(number), hash },
        state: states,
        tx: all,
        logs: all,
        receipts: all,
        blocks: all,
        stateproofs: states,
      };
    }),
    eth_gasPrice: method([], ({ reader }) => quantity(gasPrice(reader))),
    eth_maxPriorityFeePerGas: method([], ({ reader }) => quantity(suggestTip(reader))),
    eth_feeHistory: method(
      [hexOrDecimal, blockNumberOrTag, optional(percentiles)],
      ({ reader, limits }, count, newest, rewards) =>
        feeHistory(reader, limits, count, newestOf(reader, newest), rewards),
      { heavy: true, isSmall: isShortHistory },
    ),
  };
}

const percentiles = custom('percentiles', (value, refuse): number[] => {
  if (!Array.isArray(value)) return refuse('expected an array of percentiles');
  const bad = (why: string): never => {
    throw new RpcError(RPC_CODES.server, `invalid reward percentile: ${why}`);
  };
  if (value.length > DEFAULT_LIMITS.maxFeeHistoryPercentiles)
    bad(`over the query limit ${DEFAULT_LIMITS.maxFeeHistoryPercentiles}`);
  return value.map((item: unknown, index) => {
    if (typeof item !== 'number') return refuse(`item ${index} is not a number`);
    if (!(item >= 0 && item <= 100)) return bad(item.toFixed(6));
    const before: number = value[index - 1];
    if (index > 0 && item <= before)
      return bad(`#${index - 1}:${before.toFixed(6)} >= #${index}:${item.toFixed(6)}`);
    return item;
  });
});

/** geth counts what is asked for and does not look for it. @throws RpcError `request beyond head block` */
function newestOf(reader: ChainReader, newest: BlockSelector): number {
  const found = findNumber(reader, newest);
  if (found !== undefined) return found;
  const asked = newest.by === 'number' ? newest.number : '?';
  throw new RpcError(
    RPC_CODES.server,
    `request beyond head block: requested ${asked}, head ${reader.head().number}`,
  );
}

/** Whether little is read: few headers, and the receipts of small blocks if tips are asked for. */
function isShortHistory(
  { reader, limits }: RpcContext,
  count: number,
  newest: BlockSelector,
  rewards: readonly number[] | undefined,
): boolean {
  const last = findNumber(reader, newest);
  if (last === undefined) return true;
  if (count > limits.smallFeeHistory) return false;
  if (!rewards?.length) return true;
  let gas = 0n;
  for (let number = last; number >= 0 && number > last - count; number--)
    gas += headerOf(reader, number)?.gasUsed ?? 0n;
  return gas <= limits.smallBlockGas;
}

function accountMethods(limits: RpcLimits): Methods {
  const storageRequest = slotsByAddress(limits.maxProofSlots);
  return {
    eth_getBalance: method([address, optional(blockSelector)], ({ reader }, who, at) =>
      quantity(stateOf(reader, at).account(who)?.balance ?? 0n),
    ),
    eth_getTransactionCount: method(
      [address, optional(blockSelector)],
      async ({ reader, backend }, who, at) => {
        const mined = stateOf(reader, at).account(who)?.nonce ?? 0n;
        if (!isPending(at)) return quantity(mined);
        const pending = await backend.pendingNonce(who);
        return quantity(pending !== undefined && pending > mined ? pending : mined);
      },
    ),
    eth_getCode: method([address, optional(blockSelector)], ({ reader }, who, at) =>
      hexOf(stateOf(reader, at).code(who)),
    ),
    eth_getStorageAt: method([address, slot, optional(blockSelector)], ({ reader }, who, key, at) =>
      hexOf(stateOf(reader, at).storage(who, bytesOf(key))),
    ),
    eth_getStorageValues: method([storageRequest, optional(blockSelector)], ({ reader }, request, at) => {
      if (request.length === 0) throw new RpcError(RPC_CODES.invalidParams, 'empty request');
      const state = stateOf(reader, at);
      return Object.fromEntries(
        request.map(([who, slots]) => [who, slots.map((key) => hexOf(state.storage(who, bytesOf(key))))]),
      );
    }),
    eth_getProof: method(
      [address, list(namedSlot, limits.maxProofSlots), optional(blockSelector)],
      ({ reader }, who, slots, at) => {
        const keys = slots.map(({ key }) => key);
        const proof = reader.proof(who, keys, resolveNumber(reader, at));
        const { account } = proof;
        return {
          address: who,
          accountProof: proof.accountProof.map(hexOf),
          balance: quantity(account?.balance ?? 0n),
          codeHash: account?.codeHash ?? KECCAK_EMPTY_HEX,
          nonce: quantity(account?.nonce ?? 0n),
          storageHash: account?.storageRoot ?? EMPTY_TRIE_ROOT_HEX,
          storageProof: proof.storageProof.map((item, index) => ({
            key: slots[index]!.name,
            value: quantity(item.value),
            proof: item.proof.map(hexOf),
          })),
        };
      },
      { heavy: true },
    ),
  };
}

/** Slots by address; `limit` in all. */
function slotsByAddress(limit: number) {
  const slots = list(slot, limit);
  return custom('slots by address', (value, refuse): [Hex, Hex[]][] => {
    const request = Object.entries(asObject(value)).map(([who, keys]): [Hex, Hex[]] => [
      address.read(who),
      slots.read(keys),
    ]);
    const count = request.reduce((sum, [, keys]) => sum + keys.length, 0);
    if (count > limit) refuse(`${count} slots, at most ${limit} are accepted`);
    return request;
  });
}

function isPending(at: BlockSelector | undefined): boolean {
  return at?.by === 'tag' && at.tag === 'pending';
}
