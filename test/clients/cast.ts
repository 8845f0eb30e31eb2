/** The same as `viem.ts`, with Foundry's cast (from npm) as a program. Heads over WebSocket: `cast` polls, so its
 * block subscription is asked through its own `rpc` command over a WebSocket URL. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Interface, type InterfaceAbi } from 'ethers';
import type { Hex } from '../../genesis/types.ts';
import { moduleAddress, TYPE } from '../../state/modules/addresses.ts';
import { abi as dataNetAbi } from '../../state/modules/datanet/abi.ts';
import { tallyContract } from './contract.ts';
import type { ClientReport, ClientTarget } from './types.ts';

const program = join(process.cwd(), 'node_modules', '.bin', 'cast');
const run = promisify(execFile);

/** @throws with `stderr`. The npm package's launcher exits with 0 whatever its program did, so the text decides. */
async function cast(args: string[]): Promise<string> {
  const { stdout, stderr } = await run(program, args, {
    env: { ...process.env, NO_COLOR: '1', FOUNDRY_DISABLE_NIGHTLY_WARNING: '1' },
  });
  if (/^Error:/m.test(stderr)) throw Object.assign(new Error(`cast ${args[0]}: ${stderr}`), { stderr });
  return stdout.trim();
}

interface CastReceipt {
  status: string;
  type: string;
  contractAddress: Hex | null;
  logs: { address: string; topics: string[]; data: string }[];
}

export async function runCast(target: ClientTarget): Promise<ClientReport> {
  const wallet = ['--private-key', target.privateKey, '--rpc-url', target.rpcUrl];
  const self = await cast(['wallet', 'address', '--private-key', target.privateKey]);
  const send = async (args: string[]) =>
    JSON.parse(await cast(['send', '--json', ...wallet, ...args])) as CastReceipt;
  const types: Record<number, string> = {};
  const note = (type: number, receipt: CastReceipt) => {
    if (Number(receipt.type) !== type)
      throw new Error(`sent type ${type}, the receipt shows ${receipt.type}`);
    types[type] = Number(receipt.status) === 1 ? 'success' : 'reverted';
    return receipt;
  };
  const heads: number[] = [];
  const noteHead = async () => heads.push(Number(await cast(['block-number', '--rpc-url', target.wsUrl])));

  await noteHead();
  note(0, await send(['--legacy', self, '--value', '1']));
  note(
    1,
    await send([
      '--legacy',
      '--access-list',
      JSON.stringify([{ address: moduleAddress(TYPE.datanet), storageKeys: [`0x${'00'.repeat(32)}`] }]),
      self,
      '--value',
      '2',
    ]),
  );
  const { abi, bytecode } = tallyContract();
  const deployed = note(2, await send(['--create', bytecode]));
  if (!deployed.contractAddress) throw new Error('the deployment has no contract address');
  const contract = deployed.contractAddress;
  // The sender delegates to the contract, so a plain transfer to itself would run it; a call does not.
  note(4, await send(['--auth', contract, contract, 'count(uint256)', '0']));
  const code = await cast(['code', '--rpc-url', target.rpcUrl, self]);
  if (code.toLowerCase() !== `0xef0100${contract.slice(2).toLowerCase()}`)
    throw new Error(`the delegation is not set: ${code}`);
  await noteHead();

  const tally = new Interface(abi as InterfaceAbi);
  const counted = await send([contract, 'count(uint256)', '42']);
  const event = counted.logs.map((log) => tally.parseLog(log)).find((log) => log?.name === 'Counted');

  const dataNets = new Interface(dataNetAbi as InterfaceAbi);
  let moduleError: ClientReport['moduleError'] | undefined;
  try {
    await cast([
      'call',
      '--rpc-url',
      target.rpcUrl,
      '--from',
      self,
      moduleAddress(TYPE.datanet),
      'publish(uint256)',
      '999999',
    ]);
  } catch (error) {
    // cast prints the revert data; it decodes custom errors only when it can look the selector up.
    const text = String((error as { stderr?: string }).stderr ?? error);
    const data = text.match(/0x[0-9a-f]{8,}/i)?.[0];
    if (!data) throw error;
    const decoded = await cast(['decode-error', data, '--sig', 'UnknownDataNet(uint256)']);
    moduleError = { name: dataNets.parseError(data)?.name ?? '', argument: decoded.replace(/\s.*/s, '') };
  }
  if (!moduleError) throw new Error('publishing an unknown DataNet did not revert');

  const created = await send([
    moduleAddress(TYPE.datanet),
    'create(string,string,string,string[])',
    'made with cast',
    'a summary',
    'a description',
    '["client","cast"]',
  ]);
  const made = created.logs.map((log) => dataNets.parseLog(log)).find((log) => log?.name === 'Created');
  const answer = await cast([
    'call',
    '--rpc-url',
    target.rpcUrl,
    moduleAddress(TYPE.datanet),
    `0x${dataNets.encodeFunctionData('dataNet', [made?.args.id]).slice(2)}`,
  ]);
  const [dataNet] = dataNets.decodeFunctionResult('dataNet', answer);
  await noteHead();
  return { types, contract, eventTotal: event?.args.total, moduleError, dataNetName: dataNet.name, heads };
}
