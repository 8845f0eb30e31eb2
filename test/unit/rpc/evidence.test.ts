/** A block that begins with a system transaction, looked at with everything that looks at blocks. */
import { JsonRpcProvider } from 'ethers';
import { createPublicClient, defineChain, http } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeEvidence } from '../../../consensus/codec.ts';
import { voteEvidence } from '../../../consensus/evidence.ts';
import { voteSignBytes } from '../../../consensus/sign-bytes.ts';
import { asHeight, asRound, type Vote } from '../../../consensus/types.ts';
import { keccak256, toHex } from '../../../state/crypto.ts';
import { STAKING_ADDRESS } from '../../../state/modules/staking/storage.ts';
import { encodeSystem } from '../../../state/transactions/system.ts';
import type { Hex } from '../../../state/types.ts';
import { accountAddress, accountKey, signedTransaction, testValidators } from '../state/support.ts';
import { rpcCall } from './support.ts';
import { openTestNode, type TestNode } from './test-node.ts';

const validators = testValidators(4);
const ZERO = `0x${'00'.repeat(20)}`;
let node: TestNode;
let proof: Uint8Array;
let hash: Hex;
let payment: Hex;

beforeAll(async () => {
  node = await openTestNode({ chain: { validators } });
  await node.mine();
  const { chain, origin, decode, commit } = node.chain;
  const vote = (text: string): Vote => {
    const unsigned = {
      type: 'prevote' as const,
      height: asHeight(1),
      round: asRound(0),
      blockHash: toHex(keccak256(Buffer.from(text))),
    };
    const message = voteSignBytes(chain.reader.genesisHash, unsigned);
    const { address, secret } = validators[2]!;
    return { ...unsigned, validator: address, signature: secret.sign(message).toBytes() };
  };
  proof = encodeSystem(encodeEvidence(voteEvidence(vote('one'), vote('other'))));
  hash = toHex(keccak256(proof));
  const raw = signedTransaction({ key: accountKey(0), nonce: 0, to: accountAddress(1), value: 5n });
  payment = toHex(keccak256(raw));
  const built = await chain.build({
    parentHash: chain.head().hash,
    origin: origin(),
    system: [proof],
    candidates: [decode(raw)],
  });
  const { head } = await commit(built.block.hash);
  node.backend.announceHead({ number: head.number, hash: head.hash });
});
afterAll(() => node?.close());

const call = (method: string, ...params: unknown[]) => rpcCall(node.url, method, ...params);

describe('a block with evidence', () => {
  it('is shown whole, with the system transaction first, from nobody and for nothing', async () => {
    const block = await call('eth_getBlockByNumber', '0x2', true);
    expect(block.transactions.map((tx: { hash: Hex }) => tx.hash)).toEqual([hash, payment]);
    expect(block.transactions[0]).toMatchObject({
      type: '0x7d',
      from: ZERO,
      to: STAKING_ADDRESS,
      gas: '0x0',
      gasPrice: '0x0',
      value: '0x0',
      input: toHex(proof.subarray(1)),
      transactionIndex: '0x0',
    });
    expect(await call('eth_getTransactionByHash', hash)).toEqual(block.transactions[0]);
    expect(await call('eth_getRawTransactionByHash', hash)).toBe(toHex(proof));
    const [receipt, other] = await call('eth_getBlockReceipts', '0x2');
    expect(receipt).toMatchObject({ type: '0x7d', status: '0x1', gasUsed: '0x0', cumulativeGasUsed: '0x0' });
    expect(receipt.logs).toHaveLength(2);
    expect(other).toMatchObject({ transactionIndex: '0x1', cumulativeGasUsed: '0x5208' });
    expect(await call('eth_getLogs', { address: STAKING_ADDRESS, fromBlock: '0x2', toBlock: '0x2' })).toEqual(
      receipt.logs,
    );
  });

  it('is read by viem and by ethers', async () => {
    const chain = defineChain({
      id: node.chain.genesis.params.chainId,
      name: 'OpenLedger',
      nativeCurrency: { name: 'OPEN', symbol: 'OPEN', decimals: 18 },
      rpcUrls: { default: { http: [node.url] } },
    });
    const client = createPublicClient({ chain, transport: http(node.url) });
    const block = await client.getBlock({ blockNumber: 2n, includeTransactions: true });
    expect(block.transactions.map((tx) => tx.hash)).toEqual([hash, payment]);
    expect(await client.getTransaction({ hash })).toMatchObject({ from: ZERO, gas: 0n });
    expect(await client.getTransactionReceipt({ hash })).toMatchObject({ status: 'success', gasUsed: 0n });
    const provider = new JsonRpcProvider(node.url);
    try {
      const seen = await provider.getBlock(2, true);
      expect(seen?.prefetchedTransactions.map((tx) => tx.hash)).toEqual([hash, payment]);
      expect(await provider.getTransaction(hash)).toMatchObject({ from: ZERO, type: 0x7d });
      expect(await provider.getTransactionReceipt(hash)).toMatchObject({ status: 1, gasUsed: 0n });
    } finally {
      provider.destroy();
    }
  });

  it('is traced, and says nothing about fees', async () => {
    const traces = await call('debug_traceBlockByNumber', '0x2', { tracer: 'callTracer' });
    expect(traces.map((trace: { txHash: Hex }) => trace.txHash)).toEqual([hash, payment]);
    const trace = await call('debug_traceTransaction', hash, { tracer: 'callTracer' });
    expect(trace).toMatchObject({ from: ZERO, to: STAKING_ADDRESS, gasUsed: '0x0' });
    expect(await call('debug_getRawTransaction', hash)).toBe(toHex(proof));
    // The payment offers one gwei; evidence must not make that zero.
    const { reward } = await call('eth_feeHistory', '0x1', '0x2', [0, 50]);
    expect(reward).toEqual([['0x3b9aca00', '0x3b9aca00']]);
    expect(await call('eth_maxPriorityFeePerGas')).toBe('0x3b9aca00');
  });

  it('stands in the explorer’s lists, with what it did', async () => {
    const detail = await call('ol_transaction', hash);
    expect(detail).toMatchObject({ type: '0x7d', from: ZERO, module: 'staking', operation: null, status: 1 });
    expect(detail.logs.map((log: { event: string }) => log.event)).toEqual(['Slashed', 'Jailed']);
    const { items } = await call('ol_transactions', { limit: 10 });
    expect(items.map((item: { hash: Hex }) => item.hash)).toEqual([payment, hash]);
    const listed = await call('ol_validators');
    expect(JSON.stringify(listed)).toContain(validators[2]!.address);
  });

  it('cannot be sent by anybody', async () => {
    await expect(call('eth_sendRawTransaction', toHex(proof))).rejects.toThrow(/0x7d is not accepted/);
  });
});
