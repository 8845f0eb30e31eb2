/** Users who send transfers to a node and remember what was acknowledged. */
import { privateKeyToAccount } from 'viem/accounts';
import type { Client, Hex } from './client.ts';

export interface Sender {
  readonly address: Hex;
  /** Signs the next transfer and gives it to the node; resolves with its hash once it is acknowledged. */
  send(client: Client): Promise<Hex>;
  /** Hashes that a node has acknowledged. */
  readonly acknowledged: Hex[];
}

export function createSender(privateKey: Hex, chainId: number, to: Hex): Sender {
  const account = privateKeyToAccount(privateKey);
  const acknowledged: Hex[] = [];
  let nonce = 0;
  return {
    address: account.address,
    acknowledged,
    async send(client) {
      const raw = await account.signTransaction({
        type: 'eip1559',
        chainId,
        nonce,
        to,
        value: 1n,
        gas: 21_000n,
        maxFeePerGas: 10_000_000_000n,
        maxPriorityFeePerGas: 1_000_000_000n,
      });
      const hash = await client.call<Hex>('eth_sendRawTransaction', raw);
      nonce += 1;
      acknowledged.push(hash);
      return hash;
    },
  };
}

/** Transfers on their way at a time: enough that every block has some, few enough for a busy machine. */
const IN_FLIGHT = 10;

/** Sends a handful, waits until they are included, and so on until `stop`; resolves when the last are acknowledged. */
export function keepSending(sender: Sender, client: () => Client): { stop: () => Promise<void> } {
  let stopping = false;
  const done = (async () => {
    while (!stopping) {
      try {
        const node = client();
        for (let i = 0; i < IN_FLIGHT; i++) await sender.send(node);
        const last = sender.acknowledged.at(-1);
        if (last !== undefined) await receiptOf(node, last);
      } catch {
        // The node is gone or stuck; what it had not acknowledged was never promised.
        return;
      }
    }
  })();
  return {
    stop: async () => {
      stopping = true;
      await done;
    },
  };
}

interface Receipt {
  status: Hex;
  blockNumber: Hex;
  blockHash: Hex;
}

/** Waits until the node knows the transaction in a block. */
export function receiptOf(client: Client, hash: Hex, deadlineMs?: number): Promise<Receipt> {
  return client.until(() => client.call<Receipt | null>('eth_getTransactionReceipt', hash), deadlineMs);
}
