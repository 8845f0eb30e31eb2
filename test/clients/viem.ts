/** What a developer does with viem: every transaction type, a contract, a native module, heads over WebSocket. */
import {
  type Abi,
  BaseError,
  ContractFunctionRevertedError,
  createPublicClient,
  createWalletClient,
  defineChain,
  http,
  parseEventLogs,
  webSocket,
} from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { moduleAddress, TYPE } from '../../state/modules/addresses.ts';
import { abi as dataNetAbi } from '../../state/modules/datanet/abi.ts';
import { tallyContract } from './contract.ts';
import type { ClientReport, ClientTarget } from './types.ts';

export async function runViem(target: ClientTarget): Promise<ClientReport> {
  const chain = defineChain({
    id: target.chainId,
    name: 'OpenLedger devnet',
    nativeCurrency: { name: 'OPEN', symbol: 'OPEN', decimals: 18 },
    rpcUrls: { default: { http: [target.rpcUrl], webSocket: [target.wsUrl] } },
  });
  const account = privateKeyToAccount(target.privateKey);
  const client = createPublicClient({ chain, transport: http(), pollingInterval: 100 });
  const socket = createPublicClient({ chain, transport: webSocket() });
  const wallet = createWalletClient({ account, chain, transport: http() });

  const heads: number[] = [];
  const unwatch = socket.watchBlockNumber({
    onBlockNumber: (number) => heads.push(Number(number)),
    emitOnBegin: false,
  });

  const types: Record<number, string> = {};
  const done = async (type: number, hash: `0x${string}`) => {
    const receipt = await client.waitForTransactionReceipt({ hash });
    const seen = await client.getTransaction({ hash });
    if (seen.typeHex && Number(seen.typeHex) !== type)
      throw new Error(`sent type ${type}, the node shows ${seen.typeHex}`);
    types[type] = receipt.status;
    return receipt;
  };
  await done(
    0,
    await wallet.sendTransaction({
      type: 'legacy',
      to: account.address,
      value: 1n,
      gasPrice: (await client.getGasPrice()) * 2n,
    }),
  );
  await done(
    1,
    await wallet.sendTransaction({
      type: 'eip2930',
      to: account.address,
      value: 2n,
      gasPrice: (await client.getGasPrice()) * 2n,
      accessList: [{ address: moduleAddress(TYPE.datanet), storageKeys: [`0x${'00'.repeat(32)}`] }],
    }),
  );
  const { abi, bytecode } = tallyContract();
  const deployed = await done(2, await wallet.deployContract({ abi: abi as Abi, bytecode }));
  if (!deployed.contractAddress) throw new Error('the deployment has no contract address');
  const contract = deployed.contractAddress;

  const delegate = privateKeyToAccount(generatePrivateKey());
  const authorization = await wallet.signAuthorization({ account: delegate, contractAddress: contract });
  await done(
    4,
    await wallet.sendTransaction({
      type: 'eip7702',
      to: account.address,
      value: 0n,
      authorizationList: [authorization],
    }),
  );
  const code = await client.getCode({ address: delegate.address });
  if (code?.toLowerCase() !== `0xef0100${contract.slice(2).toLowerCase()}`)
    throw new Error(`the delegation is not set: ${code}`);

  const counted = await client.waitForTransactionReceipt({
    hash: await wallet.writeContract({
      address: contract,
      abi: abi as Abi,
      functionName: 'count',
      args: [42n],
    }),
  });
  const [event] = parseEventLogs({
    abi: abi as Abi,
    logs: counted.logs,
    eventName: 'Counted',
  }) as unknown as { args: { total: bigint } }[];

  let moduleError: ClientReport['moduleError'] | undefined;
  try {
    await client.simulateContract({
      account,
      address: moduleAddress(TYPE.datanet),
      abi: dataNetAbi as Abi,
      functionName: 'publish',
      args: [999_999n],
    });
  } catch (error) {
    const reverted =
      error instanceof BaseError
        ? error.walk((cause) => cause instanceof ContractFunctionRevertedError)
        : undefined;
    if (!(reverted instanceof ContractFunctionRevertedError) || !reverted.data) throw error;
    moduleError = { name: reverted.data.errorName, argument: String(reverted.data.args?.[0]) };
  }
  if (!moduleError) throw new Error('publishing an unknown DataNet did not revert');

  const created = await client.waitForTransactionReceipt({
    hash: await wallet.writeContract({
      address: moduleAddress(TYPE.datanet),
      abi: dataNetAbi as Abi,
      functionName: 'create',
      args: ['made with viem', 'a summary', 'a description', ['client', 'viem']],
    }),
  });
  const [made] = parseEventLogs({
    abi: dataNetAbi as Abi,
    logs: created.logs,
    eventName: 'Created',
  }) as unknown as { args: { id: bigint } }[];
  const dataNet = (await client.readContract({
    address: moduleAddress(TYPE.datanet),
    abi: dataNetAbi as Abi,
    functionName: 'dataNet',
    args: [made.args.id],
  })) as { name: string };
  unwatch();
  (await socket.transport.getRpcClient()).close();
  return { types, contract, eventTotal: event.args.total, moduleError, dataNetName: dataNet.name, heads };
}
