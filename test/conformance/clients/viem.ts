/** The token as viem's users handle it. */
import {
  type Abi,
  BaseError,
  ContractFunctionRevertedError,
  createPublicClient,
  createWalletClient,
  defineChain,
  http,
  parseEventLogs,
  parseSignature,
  webSocket,
} from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import type { Hex } from '../../../genesis/types.ts';
import type { ClientTarget } from '../../clients/types.ts';
import { eventually } from './scenarios.ts';
import { FAR_DEADLINE, goldToken, PERMIT_TYPES } from './token.ts';
import type { TokenClient, Transfer } from './types.ts';

interface DecodedLog {
  args: { from: Hex; to: Hex; value: bigint };
}

export function viemClient(target: ClientTarget): TokenClient {
  const chain = defineChain({
    id: target.chainId,
    name: 'OpenLedger devnet',
    nativeCurrency: { name: 'OPEN', symbol: 'OPEN', decimals: 18 },
    rpcUrls: { default: { http: [target.rpcUrl], webSocket: [target.wsUrl] } },
  });
  const account = privateKeyToAccount(target.privateKey);
  const client = createPublicClient({ chain, transport: http(), pollingInterval: 100 });
  const wallet = createWalletClient({ account, chain, transport: http() });
  const { abi: compiledAbi, bytecode } = goldToken();
  const abi = compiledAbi as Abi;
  const call = (token: Hex, functionName: string, args: unknown[]) => ({
    address: token,
    abi,
    functionName,
    args,
  });
  const shown = (logs: unknown): Transfer[] =>
    (logs as DecodedLog[]).map(({ args }) => ({
      from: args.from.toLowerCase() as Hex,
      to: args.to.toLowerCase() as Hex,
      value: args.value,
    }));
  const mined = async (hash: Hex) => {
    const receipt = await client.waitForTransactionReceipt({ hash });
    return {
      block: Number(receipt.blockNumber),
      succeeded: receipt.status === 'success',
      transfers: shown(parseEventLogs({ abi, logs: receipt.logs, eventName: 'Transfer' })),
    };
  };

  return {
    self: account.address.toLowerCase() as Hex,
    async deploy(supply) {
      const hash = await wallet.deployContract({ abi, bytecode, args: [supply] });
      const { contractAddress, blockNumber } = await client.waitForTransactionReceipt({ hash });
      if (!contractAddress) throw new Error('the deployment has no contract address');
      return { token: contractAddress, block: Number(blockNumber) };
    },
    balanceOf: (token, who) => client.readContract(call(token, 'balanceOf', [who])) as Promise<bigint>,
    transfer: async (token, to, amount) =>
      mined(await wallet.writeContract(call(token, 'transfer', [to, amount]))),
    failingTransfer: async (token, to, amount) =>
      mined(await wallet.writeContract({ ...call(token, 'transfer', [to, amount]), gas: 100_000n })),
    async refusal(token, to, amount) {
      try {
        await client.simulateContract({ account, ...call(token, 'transfer', [to, amount]) });
      } catch (error) {
        const cause =
          error instanceof BaseError
            ? error.walk((inner) => inner instanceof ContractFunctionRevertedError)
            : undefined;
        if (!(cause instanceof ContractFunctionRevertedError) || !cause.data) throw error;
        return {
          name: cause.data.errorName,
          args: (cause.data.args ?? []).map((arg) => String(arg).toLowerCase()),
        };
      }
      throw new Error('the transfer was not refused');
    },
    async permit(token, spender, amount) {
      const nonce = (await client.readContract(call(token, 'nonces', [account.address]))) as bigint;
      const signature = await wallet.signTypedData({
        domain: { name: 'Gold', version: '1', chainId: target.chainId, verifyingContract: token },
        types: PERMIT_TYPES,
        primaryType: 'Permit',
        message: { owner: account.address, spender, value: amount, nonce, deadline: FAR_DEADLINE },
      });
      const { r, s, yParity } = parseSignature(signature);
      await mined(
        await wallet.writeContract(
          call(token, 'permit', [account.address, spender, amount, FAR_DEADLINE, 27 + yParity, r, s]),
        ),
      );
      return client.readContract(call(token, 'allowance', [account.address, spender])) as Promise<bigint>;
    },
    pastTransfers: async (token, from, to) =>
      shown(
        await client.getContractEvents({
          address: token,
          abi,
          eventName: 'Transfer',
          fromBlock: BigInt(from),
          toBlock: BigInt(to),
        }),
      ),
    async filtered(token, act) {
      const filter = await client.createContractEventFilter({ address: token, abi, eventName: 'Transfer' });
      await act();
      const changes = await client.getFilterChanges({ filter });
      await client.uninstallFilter({ filter });
      return shown(changes);
    },
    async subscribed(token, act) {
      const socket = createPublicClient({ chain, transport: webSocket() });
      const heads: number[] = [];
      const transfers: Transfer[] = [];
      const stopHeads = socket.watchBlockNumber({
        onBlockNumber: (number) => heads.push(Number(number)),
      });
      const stopEvents = socket.watchContractEvent({
        address: token,
        abi,
        eventName: 'Transfer',
        onLogs: (logs) => transfers.push(...shown(logs)),
      });
      // Subscriptions are confirmed in the order in which they were asked for, before this answer.
      await socket.getChainId();
      await act();
      await eventually(() => heads.length > 0 && transfers.length > 0, 'an announcement');
      stopHeads();
      stopEvents();
      (await socket.transport.getRpcClient()).close();
      return { heads, transfers };
    },
    async proof(token, slot, block) {
      const { accountProof, storageProof } = await client.getProof({
        address: token,
        storageKeys: [slot],
        blockNumber: BigInt(block),
      });
      return { accountProof, storageProof };
    },
    close: async () => {},
  };
}
