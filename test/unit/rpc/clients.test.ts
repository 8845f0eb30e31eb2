/** The two libraries that most programs use, against this server, unmodified. */
import { Contract, JsonRpcProvider, parseEther, Wallet, WebSocketProvider } from 'ethers';
import {
  type BaseError,
  ContractFunctionRevertedError,
  createPublicClient,
  createWalletClient,
  defineChain,
  type Hex,
  http,
  InsufficientFundsError,
  NonceTooLowError,
  webSocket,
} from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '../../../state/crypto.ts';
import { dataNetInterface, inferenceInterface } from '../../../state/modules/interfaces.ts';
import { accountAddress, accountKey } from '../state/support.ts';
import { type Told, tell } from './story.ts';
import { openTestNode, type TestNode } from './test-node.ts';

let node: TestNode;
let told: Told;
/** Blocks follow by themselves when something waits, as on a real chain. */
beforeAll(async () => {
  node = await openTestNode();
  told = await tell(node);
  let busy = Promise.resolve();
  node.backend.onPendingTransactions(() => {
    busy = busy.then(async () => void (await node.mine()));
  });
});
afterAll(() => node?.close());

const key = toHex(accountKey(0)) as Hex;

describe('viem', () => {
  const setUp = () => {
    const chain = defineChain({
      id: node.chain.genesis.params.chainId,
      name: 'OpenLedger',
      nativeCurrency: { name: 'OPEN', symbol: 'OPEN', decimals: 18 },
      rpcUrls: { default: { http: [node.url] } },
    });
    const transport = http(node.url);
    return {
      chain,
      client: createPublicClient({ chain, transport, pollingInterval: 20 }),
      wallet: createWalletClient({ chain, transport, account: privateKeyToAccount(key) }),
    };
  };

  it('sends coins and waits for the receipt', async () => {
    const { client, wallet } = setUp();
    const to = accountAddress(7);
    const hash = await wallet.sendTransaction({ to, value: 10n ** 18n });
    const receipt = await client.waitForTransactionReceipt({ hash });
    expect(receipt).toMatchObject({ status: 'success', type: 'eip1559', transactionHash: hash });
    expect(await client.getBalance({ address: to })).toBe(10n ** 18n);
    expect(await client.getBlock({ blockTag: 'finalized' })).toMatchObject({ uncles: [], withdrawals: [] });
  });

  it('reads and writes a native module as if it were a contract', async () => {
    const { client, wallet } = setUp();
    const { address, abi } = dataNetInterface;
    const { request } = await client.simulateContract({
      address,
      abi: abi as never,
      functionName: 'create',
      args: ['By a wallet', 'Through the Solidity door', '', []],
      account: wallet.account,
    } as never);
    const hash = await wallet.writeContract(request as never);
    const { logs } = await client.waitForTransactionReceipt({ hash });
    expect(logs.map((log) => log.address)).toEqual([address]);
    const count = await client.readContract({
      address,
      abi: abi as never,
      functionName: 'dataNetCount',
    } as never);
    expect(count).toBe(2n);
  });

  it('names a module’s custom error', async () => {
    const { client } = setUp();
    const call = client.readContract({
      address: dataNetInterface.address,
      abi: dataNetInterface.abi as never,
      functionName: 'dataNet',
      args: [99n],
    } as never);
    const error = await call.catch((thrown: unknown) => thrown as BaseError);
    const reverted = (error as BaseError).walk((inner) => inner instanceof ContractFunctionRevertedError);
    expect((reverted as ContractFunctionRevertedError).data).toMatchObject({
      errorName: 'UnknownDataNet',
      args: [99n],
    });
  });

  it('recognises refusals by their texts', async () => {
    const { client, wallet } = setUp();
    const low = await wallet
      .sendTransaction({ to: accountAddress(7), value: 1n, nonce: 0, gas: 21_000n })
      .catch((error: BaseError) => error);
    expect((low as BaseError).walk((inner) => inner instanceof NonceTooLowError)).toBeInstanceOf(
      NonceTooLowError,
    );
    const poor = await client
      .estimateGas({
        account: '0x000000000000000000000000000000000000dEaD',
        to: accountAddress(7),
        value: 1n,
      })
      .catch((error: BaseError) => error);
    expect((poor as BaseError).walk((inner) => inner instanceof InsufficientFundsError)).toBeInstanceOf(
      InsufficientFundsError,
    );
  });

  it('reads native transactions, their receipts and logs', async () => {
    const { client } = setUp();
    const transaction = await client.getTransaction({ hash: told.settleHash });
    expect(transaction).toMatchObject({ typeHex: '0x53', to: inferenceInterface.address });
    const receipt = await client.getTransactionReceipt({ hash: told.settleHash });
    expect(receipt.status).toBe('success');
    const logs = await client.getLogs({ address: inferenceInterface.address, fromBlock: 0n });
    expect(logs.length).toBeGreaterThan(2);
    expect(
      (await client.getBlock({ blockHash: receipt.blockHash, includeTransactions: true })).transactions,
    ).toHaveLength(1);
  });

  it('estimates fees, and proves an account', async () => {
    const { client } = setUp();
    const fees = await client.estimateFeesPerGas();
    expect(fees.maxFeePerGas).toBeGreaterThan(fees.maxPriorityFeePerGas);
    expect((await client.getFeeHistory({ blockCount: 4, rewardPercentiles: [25, 75] })).reward).toHaveLength(
      4,
    );
    const proof = await client.getProof({ address: accountAddress(0), storageKeys: [] });
    expect(proof.accountProof.length).toBeGreaterThan(0);
  });

  it('follows heads over a WebSocket', async () => {
    const { chain, wallet } = setUp();
    const client = createPublicClient({ chain, transport: webSocket(node.url.replace('http', 'ws')) });
    let stop = () => {};
    const seen = new Promise<bigint>((resolve, reject) => {
      stop = client.watchBlockNumber({ onBlockNumber: resolve, onError: reject, emitOnBegin: false });
    });
    await client.getBlockNumber();
    await wallet.sendTransaction({ to: accountAddress(7), value: 1n });
    expect(await seen).toBeGreaterThan(0n);
    stop();
    (await client.transport.getRpcClient()).close();
  });
});

describe('ethers', () => {
  it('sends, waits, reads blocks and native transactions', async () => {
    const provider = new JsonRpcProvider(node.url, undefined, { pollingInterval: 20, cacheTimeout: -1 });
    const wallet = new Wallet(toHex(accountKey(1)), provider);
    const sent = await wallet.sendTransaction({ to: accountAddress(8), value: parseEther('2') });
    const receipt = await sent.wait();
    expect(receipt?.status).toBe(1);
    expect(await provider.getBalance(accountAddress(8))).toBe(parseEther('2'));
    const block = await provider.getBlock('latest', true);
    expect(block?.prefetchedTransactions[0]?.hash).toBe(sent.hash);
    const native = await provider.getTransaction(told.settleHash);
    expect(native).toMatchObject({ type: 0x53, hash: told.settleHash });
    expect((await provider.getTransactionReceipt(told.settleHash))?.logs.length).toBeGreaterThan(0);
    provider.destroy();
  });

  it('reads a module and names its errors', async () => {
    const provider = new JsonRpcProvider(node.url, undefined, { cacheTimeout: -1 });
    const contract = new Contract(dataNetInterface.address, dataNetInterface.abi as never, provider);
    expect((await contract.getFunction('dataNet')(1n))[7]).toBe('Town chronicle');
    await expect(contract.getFunction('dataNet')(99n)).rejects.toMatchObject({
      code: 'CALL_EXCEPTION',
      revert: { name: 'UnknownDataNet' },
    });
    provider.destroy();
  });

  it('hears events over a WebSocket', async () => {
    const provider = new WebSocketProvider(node.url.replace('http', 'ws'));
    const contract = new Contract(dataNetInterface.address, dataNetInterface.abi as never, provider);
    const heard = new Promise<string>((resolve) => {
      void contract.on('Created', (_id: bigint, _owner: string, name: string) => resolve(name));
    });
    // The subscription stands once a later request on the same socket was answered.
    await contract.listenerCount('Created');
    await provider.getBlockNumber();
    const wallet = new Wallet(
      toHex(accountKey(2)),
      new JsonRpcProvider(node.url, undefined, { pollingInterval: 20, cacheTimeout: -1 }),
    );
    await (contract.connect(wallet) as Contract).getFunction('create')('Heard', '', '', []);
    expect(await heard).toBe('Heard');
    await provider.destroy();
    (wallet.provider as JsonRpcProvider).destroy();
  });
});
