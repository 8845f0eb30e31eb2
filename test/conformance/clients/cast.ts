/** The token as the users of Foundry's cast handle it. */
import { Interface, type InterfaceAbi } from 'ethers';
import type { Hex } from '../../../genesis/types.ts';
import type { ClientTarget } from '../../clients/types.ts';
import { follow, foundry } from './foundry.ts';
import { eventually } from './scenarios.ts';
import { FAR_DEADLINE, goldToken, PERMIT_TYPES } from './token.ts';
import type { Mined, TokenClient, Transfer } from './types.ts';

interface CastLog {
  readonly topics: string[];
  readonly data: string;
}
interface CastReceipt {
  readonly status: string;
  readonly blockNumber: string;
  readonly contractAddress: Hex | null;
  readonly logs: CastLog[];
}

const TRANSFER = 'Transfer(address indexed from, address indexed to, uint256 value)';

export async function castClient(target: ClientTarget): Promise<TokenClient> {
  const { abi, bytecode } = goldToken();
  // cast prints logs and revert data as they are; this reads them.
  const gold = new Interface(abi as InterfaceAbi);
  const cast = (...args: string[]) => foundry('cast', args);
  const ask = (command: string, ...args: string[]) => cast(command, '--rpc-url', target.rpcUrl, ...args);
  const self = (await cast('wallet', 'address', '--private-key', target.privateKey)).toLowerCase() as Hex;
  const send = async (...args: string[]) =>
    JSON.parse(await ask('send', '--json', '--private-key', target.privateKey, ...args)) as CastReceipt;
  const shown = (logs: readonly CastLog[]): Transfer[] =>
    logs.flatMap((log) => {
      const event = gold.parseLog(log);
      if (event?.name !== 'Transfer') return [];
      const { from, to, value } = event.args;
      return [{ from: from.toLowerCase() as Hex, to: to.toLowerCase() as Hex, value }];
    });
  const mined = (receipt: CastReceipt): Mined => ({
    block: Number(receipt.blockNumber),
    succeeded: Number(receipt.status) === 1,
    transfers: shown(receipt.logs),
  });
  /** cast writes a large number twice: `1000000 [1e6]`. */
  const number = (text: string): bigint => BigInt(text.split(/\s/)[0] ?? '');

  return {
    self,
    async deploy(supply) {
      const receipt = await send('--create', bytecode, 'constructor(uint256)', supply.toString());
      if (!receipt.contractAddress) throw new Error('the deployment has no contract address');
      return { token: receipt.contractAddress, block: Number(receipt.blockNumber) };
    },
    balanceOf: async (token, who) => number(await ask('call', token, 'balanceOf(address)(uint256)', who)),
    transfer: async (token, to, amount) =>
      mined(await send(token, 'transfer(address,uint256)', to, amount.toString())),
    failingTransfer: async (token, to, amount) =>
      mined(await send('--gas-limit', '100000', token, 'transfer(address,uint256)', to, amount.toString())),
    async refusal(token, to, amount) {
      try {
        await ask('call', '--from', self, token, 'transfer(address,uint256)', to, amount.toString());
      } catch (error) {
        const data = String((error as { output?: string }).output).match(/data: "(0x[0-9a-f]{8,})"/i)?.[1];
        if (data === undefined) throw error;
        const signature = 'ERC20InsufficientBalance(address,uint256,uint256)';
        const decoded = (await cast('decode-error', data, '--sig', signature)).split('\n');
        return {
          name: gold.parseError(data)?.name ?? '',
          args: decoded.map((line) => (line.split(/\s/)[0] ?? '').toLowerCase()),
        };
      }
      throw new Error('the transfer was not refused');
    },
    async permit(token, spender, amount) {
      const nonce = await ask('call', token, 'nonces(address)(uint256)', self);
      const data = JSON.stringify({
        types: {
          EIP712Domain: [
            { name: 'name', type: 'string' },
            { name: 'version', type: 'string' },
            { name: 'chainId', type: 'uint256' },
            { name: 'verifyingContract', type: 'address' },
          ],
          ...PERMIT_TYPES,
        },
        primaryType: 'Permit',
        domain: { name: 'Gold', version: '1', chainId: target.chainId, verifyingContract: token },
        message: {
          owner: self,
          spender,
          value: amount.toString(),
          nonce,
          deadline: FAR_DEADLINE.toString(),
        },
      });
      const signature = await cast('wallet', 'sign', '--private-key', target.privateKey, '--data', data);
      await send(
        token,
        'permit(address,address,uint256,uint256,uint8,bytes32,bytes32)',
        ...[self, spender, amount.toString(), FAR_DEADLINE.toString()],
        ...[
          String(Number(`0x${signature.slice(130)}`)),
          signature.slice(0, 66),
          `0x${signature.slice(66, 130)}`,
        ],
      );
      return number(await ask('call', token, 'allowance(address,address)(uint256)', self, spender));
    },
    async pastTransfers(token, from, to) {
      const range = ['--from-block', String(from), '--to-block', String(to)];
      return shown(JSON.parse(await ask('logs', '--json', '--address', token, ...range, TRANSFER)));
    },
    async filtered(token, act) {
      // cast has no command for filters; its users write the calls themselves.
      const filter = JSON.stringify({ address: token, topics: [gold.getEvent('Transfer')?.topicHash] });
      const id = JSON.parse(await ask('rpc', 'eth_newFilter', filter)) as string;
      await act();
      const logs = JSON.parse(await ask('rpc', 'eth_getFilterChanges', id)) as CastLog[];
      await ask('rpc', 'eth_uninstallFilter', id);
      return shown(logs);
    },
    async subscribed(token, act) {
      const heads = [Number(await cast('block-number', '--rpc-url', target.wsUrl))];
      let printed = '';
      const socket = ['--rpc-url', target.wsUrl, '--subscribe', '--address', token, TRANSFER];
      const following = follow(['logs', ...socket], (text) => {
        printed += text;
      });
      try {
        // cast says nothing when its subscription stands; it has it within some tens of milliseconds.
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        await act();
        await eventually(() => logsOf(printed).length > 0, 'an announcement');
      } finally {
        await following.stop();
      }
      heads.push(Number(await cast('block-number', '--rpc-url', target.wsUrl)));
      return { heads, transfers: shown(logsOf(printed)) };
    },
    async proof(token, slot, block) {
      const proof = JSON.parse(await ask('proof', '--block', String(block), token, slot)) as {
        accountProof: string[];
        storageProof: { value: string; proof: string[] }[];
      };
      return {
        accountProof: proof.accountProof,
        storageProof: proof.storageProof.map((item) => ({ value: BigInt(item.value), proof: item.proof })),
      };
    },
    close: async () => {},
  };
}

/** Logs as cast prints them while it listens, for people; as JSON it prints them when it ends. */
function logsOf(printed: string): CastLog[] {
  const logs = printed.matchAll(/data: (0x[0-9a-f]*)[^[]*topics: \[([^\]]*)\]/gi);
  return [...logs].map(([, data = '', topics = '']) => ({ data, topics: topics.trim().split(/\s+/) }));
}
