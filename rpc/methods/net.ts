/** `net`, `web3`, `txpool` and `rpc`: what tools ask before they begin. */
import { keccakHex } from '../../state/crypto.ts';
import type { PoolTransaction } from '../backend.ts';
import { quantity } from '../encode.ts';
import { type Methods, method } from '../method.ts';
import { address, bytes } from '../params.ts';
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

/** sender -> nonce -> what is shown of the transaction. */
function bySender<T>(
  transactions: readonly PoolTransaction[],
  show: (transaction: PoolTransaction) => T,
): Record<string, Record<string, T>> {
  const grouped: Record<string, Record<string, T>> = {};
  for (const transaction of transactions) {
    const own = grouped[transaction.from] ?? {};
    own[transaction.nonce.toString()] = show(transaction);
    grouped[transaction.from] = own;
  }
  return grouped;
}

export const txpoolMethods: Methods = {
  txpool_status: method([], async ({ backend }) => {
    const { pending, queued } = await backend.poolStatus();
    return { pending: quantity(pending), queued: quantity(queued) };
  }),
  txpool_content: method(
    [],
    async ({ backend, reader }) => {
      const content = await backend.poolContent();
      const show = ({ raw }: PoolTransaction) => pendingTransactionJson(raw, reader.params.chainId);
      return { pending: bySender(content.pending, show), queued: bySender(content.queued, show) };
    },
    { heavy: true },
  ),
  txpool_contentFrom: method(
    [address],
    async ({ backend, reader }, who) => {
      const content = await backend.poolContent();
      const show = ({ raw }: PoolTransaction) => pendingTransactionJson(raw, reader.params.chainId);
      const own = (list: readonly PoolTransaction[]) =>
        bySender(
          list.filter((item) => item.from === who),
          show,
        )[who] ?? {};
      return { pending: own(content.pending), queued: own(content.queued) };
    },
    { heavy: true },
  ),
  txpool_inspect: method(
    [],
    async ({ backend, reader }) => {
      const content = await backend.poolContent();
      const show = ({ raw }: PoolTransaction) => {
        const { to, value, gas, gasPrice } = pendingTransactionJson(raw, reader.params.chainId);
        const price = BigInt(gasPrice as string);
        return `${to ?? 'contract creation'}: ${BigInt(value as string)} wei + ${BigInt(gas as string)} gas × ${price} wei`;
      };
      return { pending: bySender(content.pending, show), queued: bySender(content.queued, show) };
    },
    { heavy: true },
  ),
};

export const rpcMethods: Methods = {
  rpc_modules: method([], ({ namespaces }) => Object.fromEntries(namespaces.map((name) => [name, '1.0']))),
};
