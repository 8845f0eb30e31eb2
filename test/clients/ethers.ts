/** The same as `viem.ts`, with ethers 6. */
import {
  Contract,
  ContractFactory,
  type InterfaceAbi,
  isError,
  JsonRpcProvider,
  NonceManager,
  Wallet,
  WebSocketProvider,
} from 'ethers';
import type { Hex } from '../../genesis/types.ts';
import { moduleAddress, TYPE } from '../../state/modules/addresses.ts';
import { abi as dataNetAbi } from '../../state/modules/datanet/abi.ts';
import { tallyContract } from './contract.ts';
import type { ClientReport, ClientTarget } from './types.ts';

export async function runEthers(target: ClientTarget): Promise<ClientReport> {
  const provider = new JsonRpcProvider(target.rpcUrl, target.chainId, {
    staticNetwork: true,
    pollingInterval: 100,
    // By itself it takes an answer for true for 250 ms: a receipt that came meanwhile is looked for at the next block.
    cacheTimeout: -1,
  });
  const socket = new WebSocketProvider(target.wsUrl, target.chainId);
  const wallet = new Wallet(target.privateKey, provider);
  const signer = new NonceManager(wallet);
  const heads: number[] = [];
  await socket.on('block', (number: number) => heads.push(number));

  const types: Record<number, string> = {};
  const done = async (
    type: number,
    sending: Promise<{ hash: string; wait(): Promise<{ status: number | null } | null> }>,
  ) => {
    const sent = await sending;
    const receipt = await sent.wait();
    const seen = await provider.getTransaction(sent.hash);
    if (seen?.type !== type) throw new Error(`sent type ${type}, the node shows ${seen?.type}`);
    types[type] = receipt?.status === 1 ? 'success' : 'reverted';
  };
  const gasPrice = ((await provider.getFeeData()).gasPrice ?? 0n) * 2n;
  await done(0, signer.sendTransaction({ type: 0, to: wallet.address, value: 1n, gasPrice }));
  await done(
    1,
    signer.sendTransaction({
      type: 1,
      to: wallet.address,
      value: 2n,
      gasPrice,
      accessList: [{ address: moduleAddress(TYPE.datanet), storageKeys: [`0x${'00'.repeat(32)}`] }],
    }),
  );

  const { abi, bytecode } = tallyContract();
  const contract = await new ContractFactory(abi as InterfaceAbi, bytecode, signer).deploy();
  await contract.waitForDeployment();
  const address = (await contract.getAddress()) as Hex;
  const deployment = contract.deploymentTransaction();
  types[2] =
    deployment && (await provider.getTransactionReceipt(deployment.hash))?.status === 1
      ? 'success'
      : 'reverted';

  const delegate = Wallet.createRandom();
  const authorization = await delegate.authorize({ address, nonce: 0, chainId: target.chainId });
  await done(
    4,
    signer.sendTransaction({ type: 4, to: wallet.address, value: 0n, authorizationList: [authorization] }),
  );

  const counted = await (await contract.getFunction('count')(42n)).wait();
  const event = counted.logs
    .map((log: { topics: string[]; data: string }) => contract.interface.parseLog(log))
    .find((log: { name: string } | null) => log?.name === 'Counted');

  const dataNets = new Contract(moduleAddress(TYPE.datanet), dataNetAbi as InterfaceAbi, signer);
  let moduleError: ClientReport['moduleError'] | undefined;
  try {
    await dataNets.getFunction('publish').staticCall(999_999n);
  } catch (error) {
    if (!isError(error, 'CALL_EXCEPTION') || !error.revert) throw error;
    moduleError = { name: error.revert.name, argument: String(error.revert.args[0]) };
  }
  if (!moduleError) throw new Error('publishing an unknown DataNet did not revert');

  const created = await (
    await dataNets.getFunction('create')('made with ethers', 'a summary', 'a description', [
      'client',
      'ethers',
    ])
  ).wait();
  const made = created.logs
    .map((log: { topics: string[]; data: string }) => dataNets.interface.parseLog(log))
    .find((log: { name: string } | null) => log?.name === 'Created');
  const dataNet = await dataNets.getFunction('dataNet')(made.args.id);
  await socket.destroy();
  provider.destroy();
  return {
    types,
    contract: address,
    eventTotal: event.args.total,
    moduleError,
    dataNetName: dataNet.name,
    heads,
  };
}
