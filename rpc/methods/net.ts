/** `net`, `web3`, `txpool` and `rpc`: what tools ask before they begin. */
import { checksumAddress, keccakHex } from '../../state/crypto.ts';
import type { Hex } from '../../state/types.ts';
import type { PoolContent, PoolTransaction } from '../backend.ts';
import { quantity } from '../encode.ts';
import { RPC_CODES, RpcError } from '../errors.ts';
import type { RpcLimits } from '../limits.ts';
import { Encoded, type Methods, method, type RpcContext } from '../method.ts';
import { address, bytes } from '../params.ts';
import { createSlices } from '../slices.ts';
import { pendingTransactionJson } from '../views.ts';

export const netMethods: Methods = {
  net_version: method([], ({ reader }) => String(reader.params.chainId)),
  net_listening: method([], () => true),
  net_peerCount: method([], async ({ backend }) => quantity((await backend.peers()).length)),
};

export const web3Methods: Methods = {
  web3_clientVersion: method([], async ({ backend }) => (await backend.node()).clientVersion),
  web3_sha3: method([bytes], (_, data) => keccakHex(data)),
};

/** JSON of `sender -> nonce -> what is shown`, written in slices: decoding a full pool takes most of a second. */
type Write = (
  transactions: readonly PoolTransaction[],
  show: (transaction: PoolTransaction) => unknown,
) => Promise<string>;

/** @throws RpcError -32003 as soon as what is written exceeds the limit of an answer */
function createWriter(limits: RpcLimits): Write {
  const pause = createSlices(limits.batchSliceMs);
  let written = 0;
  return async (transactions, show) => {
    const bySender = new Map<Hex, string[]>();
    for (const transaction of transactions) {
      const text = JSON.stringify(show(transaction));
      written += text.length;
      if (written > limits.maxAnswerBytes) throw answerTooLarge(limits);
      const own = bySender.get(transaction.from) ?? [];
      own.push(`"${transaction.nonce}":${text}`);
      bySender.set(transaction.from, own);
      await pause();
    }
    const senders = [...bySender].map(([who, own]) => `"${checksumAddress(who)}":{${own.join()}}`);
    return `{${senders.join()}}`;
  };
}

function answerTooLarge({ maxAnswerBytes }: RpcLimits): RpcError {
  return new RpcError(
    RPC_CODES.responseTooLarge,
    `response too large: the pool's transactions exceed ${maxAnswerBytes} bytes`,
  );
}

/** The whole pool, as long as it can be shown at all: in hex each byte is two. */
async function wholePool({ backend, limits }: RpcContext): Promise<PoolContent> {
  const { bytes } = await backend.poolStatus();
  if (2 * bytes > limits.maxAnswerBytes) throw answerTooLarge(limits);
  return backend.poolContent();
}

async function contentJson(
  { limits }: RpcContext,
  content: PoolContent,
  show: (transaction: PoolTransaction) => unknown,
): Promise<Encoded> {
  const write = createWriter(limits);
  const pending = await write(content.pending, show);
  return new Encoded(`{"pending":${pending},"queued":${await write(content.queued, show)}}`);
}

function inspected({ raw }: PoolTransaction, chainId: number): string {
  const { to, value, gas, gasPrice } = pendingTransactionJson(raw, chainId);
  const where = to === null ? 'contract creation' : checksumAddress(to as Hex);
  const price = BigInt(gasPrice as string);
  return `${where}: ${BigInt(value as string)} wei + ${BigInt(gas as string)} gas × ${price} wei`;
}

export const txpoolMethods: Methods = {
  txpool_status: method([], async ({ backend }) => {
    const { pending, queued } = await backend.poolStatus();
    return { pending: quantity(pending), queued: quantity(queued) };
  }),
  txpool_content: method(
    [],
    async (context) =>
      contentJson(context, await wholePool(context), ({ raw }) =>
        pendingTransactionJson(raw, context.reader.params.chainId),
      ),
    { heavy: true },
  ),
  txpool_contentFrom: method(
    [address],
    async ({ backend, reader }, who) => {
      const content = await backend.poolContent(who);
      const own = (list: readonly PoolTransaction[]) =>
        Object.fromEntries(
          list.map(({ nonce, raw }) => [
            nonce.toString(),
            pendingTransactionJson(raw, reader.params.chainId),
          ]),
        );
      return { pending: own(content.pending), queued: own(content.queued) };
    },
    { heavy: true },
  ),
  txpool_inspect: method(
    [],
    async (context) =>
      contentJson(context, await wholePool(context), (transaction) =>
        inspected(transaction, context.reader.params.chainId),
      ),
    { heavy: true },
  ),
};

export const rpcMethods: Methods = {
  rpc_modules: method([], ({ namespaces }) => Object.fromEntries(namespaces.map((name) => [name, '1.0']))),
};
