/** The token as ethers' users handle it. */
import {
  Contract,
  ContractFactory,
  type ContractTransactionReceipt,
  EventLog,
  type InterfaceAbi,
  isError,
  JsonRpcProvider,
  type Log,
  NonceManager,
  Signature,
  Wallet,
  WebSocketProvider,
} from 'ethers';
import type { Hex } from '../../../genesis/types.ts';
import type { ClientTarget } from '../../clients/types.ts';
import { eventually } from './scenarios.ts';
import { FAR_DEADLINE, goldToken, PERMIT_TYPES } from './token.ts';
import type { TokenClient, Transfer } from './types.ts';

export function ethersClient(target: ClientTarget): TokenClient {
  const provider = new JsonRpcProvider(target.rpcUrl, target.chainId, {
    staticNetwork: true,
    pollingInterval: 100,
  });
  const wallet = new Wallet(target.privateKey, provider);
  const signer = new NonceManager(wallet);
  const { abi: compiledAbi, bytecode } = goldToken();
  const abi = compiledAbi as InterfaceAbi;
  const contract = (token: Hex) => new Contract(token, abi, signer);
  const decode = (token: Contract, logs: readonly Log[]): Transfer[] =>
    logs.flatMap((log) => {
      const event = log instanceof EventLog ? log : token.interface.parseLog(log);
      if (event === null) return [];
      const name = event instanceof EventLog ? event.eventName : event.name;
      return name === 'Transfer' ? [transferOf(event.args)] : [];
    });
  const mined = (token: Contract, receipt: ContractTransactionReceipt) => ({
    block: receipt.blockNumber,
    succeeded: receipt.status === 1,
    transfers: decode(token, receipt.logs),
  });

  return {
    self: wallet.address.toLowerCase() as Hex,
    async deploy(supply) {
      const deployed = await new ContractFactory(abi, bytecode, signer).deploy(supply);
      await deployed.waitForDeployment();
      const receipt = await deployed.deploymentTransaction()?.wait();
      if (!receipt) throw new Error('the deployment has no receipt');
      return { token: (await deployed.getAddress()) as Hex, block: receipt.blockNumber };
    },
    balanceOf: (token, who) => contract(token).getFunction('balanceOf')(who) as Promise<bigint>,
    async transfer(token, to, amount) {
      const gold = contract(token);
      return mined(gold, await (await gold.getFunction('transfer')(to, amount)).wait());
    },
    async failingTransfer(token, to, amount) {
      const gold = contract(token);
      const sent = await gold.getFunction('transfer')(to, amount, { gasLimit: 100_000n });
      try {
        return mined(gold, await sent.wait());
      } catch (error) {
        // ethers throws for a receipt that says so, and hands the receipt over.
        if (!isError(error, 'CALL_EXCEPTION') || !error.receipt) throw error;
        return mined(gold, error.receipt as ContractTransactionReceipt);
      }
    },
    async refusal(token, to, amount) {
      try {
        await contract(token).getFunction('transfer').staticCall(to, amount);
      } catch (error) {
        if (!isError(error, 'CALL_EXCEPTION') || !error.revert) throw error;
        return {
          name: error.revert.name,
          args: [...error.revert.args].map((arg) => String(arg).toLowerCase()),
        };
      }
      throw new Error('the transfer was not refused');
    },
    async permit(token, spender, amount) {
      const gold = contract(token);
      const nonce = await gold.getFunction('nonces')(wallet.address);
      const signature = Signature.from(
        await wallet.signTypedData(
          { name: 'Gold', version: '1', chainId: target.chainId, verifyingContract: token },
          PERMIT_TYPES,
          { owner: wallet.address, spender, value: amount, nonce, deadline: FAR_DEADLINE },
        ),
      );
      const sent = await gold.getFunction('permit')(
        wallet.address,
        spender,
        amount,
        FAR_DEADLINE,
        signature.v,
        signature.r,
        signature.s,
      );
      await sent.wait();
      return gold.getFunction('allowance')(wallet.address, spender) as Promise<bigint>;
    },
    async pastTransfers(token, from, to) {
      const gold = contract(token);
      return decode(gold, await gold.queryFilter('Transfer', from, to));
    },
    async filtered(token, act) {
      // Over HTTP ethers asks a log filter of the node, polled at the interval of the provider.
      const gold = contract(token).connect(provider) as Contract;
      const seen: Transfer[] = [];
      await gold.on('Transfer', (from: string, to: string, value: bigint) =>
        seen.push(transferOf([from, to, value])),
      );
      await act();
      await eventually(() => seen.length > 0, 'an event');
      await gold.removeAllListeners();
      return seen;
    },
    async subscribed(token, act) {
      const socket = new WebSocketProvider(target.wsUrl, target.chainId);
      const gold = contract(token).connect(socket) as Contract;
      const heads: number[] = [];
      const transfers: Transfer[] = [];
      await socket.on('block', (number: number) => heads.push(number));
      await gold.on('Transfer', (from: string, to: string, value: bigint) =>
        transfers.push(transferOf([from, to, value])),
      );
      // Subscriptions are confirmed before this answer.
      await socket.send('eth_chainId', []);
      await act();
      await eventually(() => heads.length > 0 && transfers.length > 0, 'an announcement');
      await socket.destroy();
      return { heads, transfers };
    },
    async proof(token, slot, block) {
      const { accountProof, storageProof } = await provider.send('eth_getProof', [
        token,
        [slot],
        `0x${block.toString(16)}`,
      ]);
      return {
        accountProof,
        storageProof: storageProof.map((item: { value: string; proof: string[] }) => ({
          value: BigInt(item.value),
          proof: item.proof,
        })),
      };
    },
    close: async () => provider.destroy(),
  };
}

function transferOf(args: ArrayLike<unknown>): Transfer {
  return {
    from: String(args[0]).toLowerCase() as Hex,
    to: String(args[1]).toLowerCase() as Hex,
    value: args[2] as bigint,
  };
}
