/**
 * A node as programs use it: views and operations of the native modules by name, typed by their interfaces; fees,
 * nonces and receipts; refusals in words.
 */

import { fromHex, toHex } from '../../state/crypto.ts';
import type {
  FunctionArguments,
  FunctionName,
  FunctionResults,
  InterfaceSpec,
  ModuleInterface,
} from '../../state/modules/abi/interface.ts';
import { describeError } from '../../state/modules/abi.ts';
import { interfaceAt, interfaceList } from '../../state/modules/interfaces.ts';
import type { Hex } from '../../state/types.ts';
import { UserError } from '../config/errors.ts';
import { adviceFor } from './advice.ts';
import { type RpcClient, RpcError, watchHeads } from './rpc.ts';
import { type Fees, type SignedTransaction, signEip1559, signNative } from './sign.ts';

/** Who signs. */
export interface Account {
  readonly address: Hex;
  readonly privateKey: Uint8Array;
}

/** Fields of an `eth_getTransactionReceipt` that programs read. */
export interface TransactionReceipt {
  readonly transactionHash: Hex;
  readonly blockNumber: Hex;
  readonly status: Hex;
  readonly gasUsed: Hex;
  readonly effectiveGasPrice: Hex;
  readonly contractAddress: Hex | null;
  readonly logs: readonly { readonly address: Hex; readonly topics: readonly Hex[]; readonly data: Hex }[];
  readonly revertReason?: Hex;
}

export interface EventItem {
  readonly name: string;
  readonly values: Readonly<Record<string, unknown>>;
}

export interface Confirmed {
  readonly hash: Hex;
  readonly receipt: TransactionReceipt;
  /** Events of native modules in the order of their logs. */
  readonly events: readonly EventItem[];
}

export interface SendOptions {
  readonly value?: bigint;
  /** Default: an estimate and a fifth on top. */
  readonly gasLimit?: bigint;
  /** Which door (both lead to the same handler); default the native transaction type. */
  readonly door?: 'native' | 'solidity';
  /** Default 60 s. */
  readonly timeoutMs?: number;
}

export interface ChainClient {
  readonly rpc: RpcClient;
  chainId(): Promise<number>;
  /** A view of a native module; `block` is a tag or a number, default latest. @throws UserError REVERTED */
  view<I extends InterfaceSpec, N extends FunctionName<I>>(
    module: ModuleInterface<I>,
    name: N,
    args: FunctionArguments<I, N>,
    block?: string,
  ): Promise<FunctionResults<I, N>>;
  /**
   * An operation of a native module, until its block is final.
   * @throws UserError REVERTED with the module's error in words, NOT_ACCEPTED by the pool, TIMEOUT.
   */
  perform<I extends InterfaceSpec, N extends FunctionName<I>>(
    account: Account,
    module: ModuleInterface<I>,
    name: N,
    args: FunctionArguments<I, N>,
    options?: SendOptions,
  ): Promise<Confirmed>;
  /** A plain transfer or a call of any contract. @throws UserError as `perform` */
  send(
    account: Account,
    call: { readonly to: Hex | null; readonly data?: Uint8Array },
    options?: SendOptions,
  ): Promise<Confirmed>;
  /** @throws UserError TIMEOUT | REVERTED */
  waitFor(hash: Hex, timeoutMs?: number): Promise<Confirmed>;
}

const DEFAULT_TIMEOUT_MS = 60_000;

export function createChainClient(rpc: RpcClient): ChainClient {
  let chainIdPromise: Promise<number> | undefined;

  const chainId = () => {
    chainIdPromise ??= rpc.request<Hex>('eth_chainId').then(Number);
    // A node that is not there yet may be there at the next try.
    chainIdPromise.catch(() => {
      chainIdPromise = undefined;
    });
    return chainIdPromise;
  };

  const feesNow = async (): Promise<Fees> => {
    const [block, tip] = await Promise.all([
      rpc.request<{ baseFeePerGas: Hex }>('eth_getBlockByNumber', ['latest', false]),
      rpc.request<Hex>('eth_maxPriorityFeePerGas'),
    ]);
    // The base fee rises by at most an eighth a block; twice its value lasts for six full blocks.
    const maxPriorityFeePerGas = BigInt(tip);
    return { maxPriorityFeePerGas, maxFeePerGas: 2n * BigInt(block.baseFeePerGas) + maxPriorityFeePerGas };
  };

  const submit = async (
    account: Account,
    call: { to: Hex | null; data: Uint8Array },
    options: SendOptions,
    build: (
      envelope: { chainId: number; nonce: bigint; gasLimit: bigint; value: bigint } & Fees,
    ) => SignedTransaction,
  ): Promise<Confirmed> => {
    const value = options.value ?? 0n;
    const message = {
      from: account.address,
      ...(call.to !== null && { to: call.to }),
      data: toHex(call.data),
      value: quantity(value),
    };
    const estimate = async () => {
      const gas = BigInt(await rpc.request<Hex>('eth_estimateGas', [message]));
      return gas + gas / 5n;
    };
    const [id, nonce, fees, gasLimit] = await Promise.all([
      chainId(),
      rpc.request<Hex>('eth_getTransactionCount', [account.address, 'pending']).then(BigInt),
      feesNow(),
      options.gasLimit ?? estimate(),
    ]).catch((error: unknown) => {
      throw inWords(error, 'REVERTED');
    });
    const signed = build({ chainId: id, nonce, gasLimit, value, ...fees });
    await rpc.request('eth_sendRawTransaction', [toHex(signed.raw)]).catch((error: unknown) => {
      throw inWords(error, 'NOT_ACCEPTED');
    });
    return waitFor(signed.hash, options.timeoutMs);
  };

  const waitFor = async (hash: Hex, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<Confirmed> => {
    const heads = await watchHeads(rpc.url);
    const until = performance.now() + timeoutMs;
    try {
      for (;;) {
        const receipt = await rpc.request<TransactionReceipt | null>('eth_getTransactionReceipt', [hash]);
        if (receipt !== null) return confirmed(hash, receipt);
        const left = until - performance.now();
        if (left <= 0)
          throw new UserError(
            'TIMEOUT',
            `transaction ${hash} is not in a block after ${timeoutMs / 1000} s; it may still come`,
          );
        // A head may have passed between the question and the answer: look again at least every second.
        await heads.next(Math.min(left, 1_000));
      }
    } finally {
      heads.close();
    }
  };

  const confirmed = async (hash: Hex, receipt: TransactionReceipt): Promise<Confirmed> => {
    if (receipt.status !== '0x1') throw await reverted(rpc, hash, receipt);
    return { hash, receipt, events: eventsOf(receipt) };
  };

  return {
    rpc,
    chainId,
    async view(module, name, args, block = 'latest') {
      const call = { to: module.address, data: toHex(module.encodeCall(name, args)) };
      const data = await rpc.request<Hex>('eth_call', [call, block]).catch((error: unknown) => {
        throw inWords(error, 'REVERTED');
      });
      return module.decodeResult(name, fromHex(data));
    },
    perform(account, module, name, args, options = {}) {
      const data = module.encodeCall(name, args);
      return submit(account, { to: module.address, data }, options, (envelope) =>
        options.door === 'solidity'
          ? signEip1559({ ...envelope, to: module.address, data }, account.privateKey)
          : signNative(
              { ...envelope, type: typeOf(module.address), ...module.nativeCall(name, args) },
              account.privateKey,
            ),
      );
    },
    send(account, { to, data = new Uint8Array(0) }, options = {}) {
      return submit(account, { to, data }, options, (envelope) =>
        signEip1559({ ...envelope, to, data }, account.privateKey),
      );
    },
    waitFor,
  };
}

/** Events of native modules in a receipt. */
export function eventsOf(receipt: Pick<TransactionReceipt, 'logs'>): EventItem[] {
  const events: EventItem[] = [];
  for (const log of receipt.logs) {
    const decoded = interfaceAt(log.address)?.decodeEvent({
      topics: [...log.topics],
      data: fromHex(log.data),
    });
    if (decoded) events.push({ name: decoded.name, values: decoded.named });
  }
  return events;
}

/** The event of that name. @throws UserError UNEXPECTED_RECEIPT if the node's answer lacks it. */
export function eventNamed(confirmed: Confirmed, name: string): Readonly<Record<string, unknown>> {
  const event = confirmed.events.find((one) => one.name === name);
  if (event) return event.values;
  throw new UserError('UNEXPECTED_RECEIPT', `transaction ${confirmed.hash} has no event ${name}`);
}

/** `ContributionTooLarge(size 6000000, limit 5242880)` of revert data, or undefined if no module knows it. */
export function describeRevert(data: Uint8Array): string | undefined {
  const item = describeError(interfaceList, data);
  if (item !== undefined) {
    const parts = Object.entries(item.named).map(([name, value]) => `${name} ${plain(value)}`);
    return parts.length === 0 ? item.name : `${item.name}(${parts.join(', ')})`;
  }
  // Error(string) of Solidity.
  if (toHex(data.subarray(0, 4)) !== '0x08c379a0' || data.length < 68) return undefined;
  const length = Number(BigInt(toHex(data.subarray(36, 68))));
  return new TextDecoder().decode(data.subarray(68, 68 + Math.min(length, 1_024)));
}

/** As `describeRevert`, with what can be done about it. */
function explainRevert(data: Uint8Array): string | undefined {
  const words = describeRevert(data);
  const advice = words && adviceFor(words.split('(', 1)[0] as string);
  return advice === undefined ? words : `${words}. ${advice}`;
}

async function reverted(rpc: RpcClient, hash: Hex, receipt: TransactionReceipt): Promise<UserError> {
  let data = receipt.revertReason;
  if (data === undefined) {
    // The same call on the state before its block usually fails the same way.
    const transaction = await rpc.request<Record<string, Hex | null>>('eth_getTransactionByHash', [hash]);
    const { from, to, input, value } = transaction;
    const before = quantity(BigInt(receipt.blockNumber) - 1n);
    data = await rpc.request<Hex>('eth_call', [{ from, to, data: input, value }, before]).then(
      () => undefined,
      (error: unknown) =>
        error instanceof RpcError && typeof error.data === 'string' ? (error.data as Hex) : undefined,
    );
  }
  const words = data === undefined ? undefined : explainRevert(fromHex(data));
  return new UserError('REVERTED', `the chain refused transaction ${hash}: ${words ?? 'no reason given'}`);
}

/** An error of the node as a person should read it; connection problems stay what they are. */
function inWords(error: unknown, code: string): unknown {
  if (!(error instanceof RpcError)) return error;
  const data =
    typeof error.data === 'string' && /^0x([0-9a-f]{2})+$/.test(error.data) ? fromHex(error.data) : undefined;
  const words = data && explainRevert(data);
  return new UserError(code, `the chain refuses it: ${words ?? error.message}`);
}

function plain(value: unknown): string {
  if (value instanceof Uint8Array) return toHex(value);
  return Array.isArray(value) ? `[${value.map(plain).join(', ')}]` : String(value);
}

/** The native type is the last byte of the module's address. */
function typeOf(address: Hex): number {
  return Number.parseInt(address.slice(-2), 16);
}

/** JSON-RPC quantity. */
export function quantity(value: bigint): Hex {
  return `0x${value.toString(16)}`;
}
