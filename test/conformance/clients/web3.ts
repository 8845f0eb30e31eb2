/** The token as web3.js' users handle it. */
import assert from 'node:assert/strict';
import { type AbiEventFragment, type ContractAbi, type Transaction, Web3 } from 'web3';
import type { Hex } from '../../../genesis/types.ts';
import { moduleAddress, TYPE } from '../../../state/modules/addresses.ts';
import { abi as dataNetAbi } from '../../../state/modules/datanet/abi.ts';
import type { ClientTarget } from '../../clients/types.ts';
import { eventually } from './scenarios.ts';
import { goldToken } from './token.ts';
import { type Mined, type TokenClient, type Transfer, Unsupported } from './types.ts';

/** What of a receipt is read here. */
interface Receipt {
  readonly blockNumber: bigint | number | string;
  readonly status: bigint | number | string | boolean;
  readonly events?: Record<string, { returnValues?: unknown }>;
}

export function web3Client(target: ClientTarget): TokenClient {
  const web3 = new Web3(target.rpcUrl);
  web3.eth.transactionPollingInterval = 100;
  const account = web3.eth.accounts.wallet.add(target.privateKey)[0];
  if (account === undefined) throw new Error('the wallet holds no account');
  const from = account.address;
  const { abi: compiledAbi, bytecode } = goldToken();
  const abi = compiledAbi as ContractAbi;
  const contract = (token: Hex, of = web3) => new of.eth.Contract(abi, token);
  const call = (token: Hex, name: string, args: unknown[]) => {
    const method = contract(token).methods[name];
    if (method === undefined) throw new Error(`the token has no ${name}`);
    return method(...(args as never[]));
  };
  const mined = (receipt: Receipt): Mined => {
    const event = receipt.events?.Transfer;
    return {
      block: Number(receipt.blockNumber),
      succeeded: Number(receipt.status) === 1,
      transfers: event === undefined ? [] : [transferOf(event.returnValues)],
    };
  };

  return {
    self: from.toLowerCase() as Hex,
    async deploy(supply) {
      const deployed = await new web3.eth.Contract(abi)
        .deploy({ data: bytecode, arguments: [supply] as never })
        .send({ from });
      const token = deployed.options.address as Hex | undefined;
      if (token === undefined) throw new Error('the deployment has no contract address');
      // The contract comes without its receipt; nothing was there before this block.
      return { token, block: Number(await web3.eth.getBlockNumber()) };
    },
    balanceOf: async (token, who) =>
      BigInt((await call(token, 'balanceOf', [who]).call()) as unknown as bigint),
    transfer: async (token, to, amount) =>
      mined((await call(token, 'transfer', [to, amount]).send({ from })) as unknown as Receipt),
    async failingTransfer(token, to, amount) {
      try {
        const sending = call(token, 'transfer', [to, amount]).send({ from, gas: '100000' });
        return mined((await sending) as unknown as Receipt);
      } catch (error) {
        // web3 throws for a receipt that says so, and hands the receipt over.
        const { receipt } = error as { receipt?: Receipt };
        if (receipt === undefined) throw error;
        return mined(receipt);
      }
    },
    async refusal(token, to, amount) {
      try {
        await call(token, 'transfer', [to, amount]).call({ from });
      } catch (error) {
        const inner = (error as { innerError?: { errorName?: string; errorArgs?: Record<string, unknown> } })
          .innerError;
        if (inner?.errorName === undefined || inner.errorArgs === undefined) throw error;
        const { sender, balance, needed } = inner.errorArgs;
        return {
          name: inner.errorName,
          args: [sender, balance, needed].map((arg) => String(arg).toLowerCase()),
        };
      }
      throw new Error('the transfer was not refused');
    },
    permit: async () => {
      throw new Unsupported('web3 4 leaves typed data to a node that holds the key');
    },
    pastTransfers: async (token, fromBlock, toBlock) =>
      (
        (await contract(token).getPastEvents('Transfer' as 'allEvents', { fromBlock, toBlock })) as {
          returnValues: unknown;
        }[]
      ).map(({ returnValues }) => transferOf(returnValues)),
    async filtered(token, act) {
      // web3 4 has no filter objects any more; its users ask through the request manager.
      const send = (method: string, params: unknown[]) =>
        web3.requestManager.send({ method, params } as never) as Promise<unknown>;
      const topic = web3.utils.sha3('Transfer(address,address,uint256)');
      const id = await send('eth_newFilter', [{ address: token, topics: [topic] }]);
      await act();
      const logs = (await send('eth_getFilterChanges', [id])) as { data: string; topics: string[] }[];
      await send('eth_uninstallFilter', [id]);
      const shape = abi.find((item) => 'name' in item && item.name === 'Transfer') as AbiEventFragment;
      const inputs = [...(shape.inputs ?? [])];
      return logs.map(({ data, topics }) =>
        transferOf(web3.eth.abi.decodeLog(inputs, data, topics.slice(1))),
      );
    },
    async subscribed(token, act) {
      const socket = new Web3(target.wsUrl);
      const heads: number[] = [];
      const transfers: Transfer[] = [];
      const news = await socket.eth.subscribe('newBlockHeaders');
      news.on('data', (header) => {
        heads.push(Number(header.number));
      });
      const events = contract(token, socket).events.Transfer?.();
      events?.on('data', (event) => {
        transfers.push(transferOf((event as { returnValues: unknown }).returnValues));
      });
      await socket.eth.getChainId();
      await act();
      await eventually(() => heads.length > 0 && transfers.length > 0, 'an announcement');
      socket.currentProvider?.disconnect();
      return { heads, transfers };
    },
    async proof(token, slot, block) {
      const { accountProof, storageProof } = await web3.eth.getProof(token, [slot], block);
      return {
        accountProof: accountProof as string[],
        storageProof: storageProof.map(({ value, proof }) => ({
          value: BigInt(value),
          proof: proof as string[],
        })),
      };
    },
    close: async () => {},
  };
}

/** Sends the types that web3 4 knows and works with a native module. @throws Error when something is not as it should */
export async function runWeb3(target: ClientTarget): Promise<void> {
  const web3 = new Web3(target.rpcUrl);
  web3.eth.transactionPollingInterval = 100;
  const from = web3.eth.accounts.wallet.add(target.privateKey)[0]?.address;
  if (from === undefined) throw new Error('the wallet holds no account');
  const gasPrice = 2n * (await web3.eth.getGasPrice());
  const priced: Transaction[] = [
    { type: 0, gasPrice },
    { type: 1, gasPrice, accessList: [] },
    { type: 2, maxFeePerGas: gasPrice, maxPriorityFeePerGas: 1n },
  ];
  for (const transaction of priced) {
    const { status, transactionHash } = await web3.eth.sendTransaction({
      ...transaction,
      from,
      to: from,
      value: 1n,
    });
    const shown = await web3.eth.getTransaction(transactionHash);
    assert.deepEqual([Number(status), Number(shown.type)], [1, Number(transaction.type)]);
  }
  const dataNets = new web3.eth.Contract(dataNetAbi as unknown as ContractAbi, moduleAddress(TYPE.datanet));
  const method = (name: string, ...args: unknown[]) => dataNets.methods[name]!(...(args as never[]));
  const refused = await method('publish', 999_999n)
    .call({ from })
    .catch((error) => error.innerError);
  assert.deepEqual([refused?.errorName, refused?.errorArgs?.[0]], ['UnknownDataNet', 999_999n]);
  const texts = ['made with web3', 'a summary', 'a description', ['client', 'web3']];
  const created = await method('create', ...texts).send({ from });
  const values = created.events?.Created?.returnValues as { id: bigint } | undefined;
  assert.ok(values, 'no Created event was decoded');
  const dataNet = (await method('dataNet', values.id).call()) as unknown as { name: string };
  assert.equal(dataNet.name, 'made with web3');
}

function transferOf(values: unknown): Transfer {
  const { from, to, value } = values as { from: string; to: string; value: bigint };
  return { from: from.toLowerCase() as Hex, to: to.toLowerCase() as Hex, value: BigInt(value) };
}
