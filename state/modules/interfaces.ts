/** All interfaces in one place: what clients, the RPC and the explorer need to read calls, events and errors. */
import type { JsonAbi, ModuleInterface } from './abi.ts';
import { attestationInterface } from './attestation/abi.ts';
import { contributionInterface } from './contribution/abi.ts';
import { dataNetInterface } from './datanet/abi.ts';
import { inferenceInterface } from './inference/abi.ts';
import { modelInterface } from './model/abi.ts';
import { rewardInterface } from './reward/abi.ts';
import { stakingInterface } from './staking/abi.ts';

export {
  attestationInterface,
  contributionInterface,
  dataNetInterface,
  inferenceInterface,
  modelInterface,
  rewardInterface,
  stakingInterface,
};

/** The parts of an interface that need no knowledge of its functions. */
export type AnyInterface = Pick<
  ModuleInterface,
  'name' | 'address' | 'abi' | 'functions' | 'functionOf' | 'decodeCall' | 'decodeError' | 'decodeEvent'
>;

/** By short name of the module, in the order of their transaction types. */
export const interfaces = {
  datanet: dataNetInterface,
  contribution: contributionInterface,
  model: modelInterface,
  inference: inferenceInterface,
  attestation: attestationInterface,
  staking: stakingInterface,
  reward: rewardInterface,
} as const;

export const interfaceList: readonly AnyInterface[] = Object.values(interfaces);

/** The interface at an address, for decoding the logs and calls of a block. */
export function interfaceAt(address: string): AnyInterface | undefined {
  return interfaceList.find((candidate) => candidate.address === address.toLowerCase());
}

/** JSON ABIs by short name. */
export const abis: Readonly<Record<keyof typeof interfaces, JsonAbi>> = {
  datanet: dataNetInterface.abi,
  contribution: contributionInterface.abi,
  model: modelInterface.abi,
  inference: inferenceInterface.abi,
  attestation: attestationInterface.abi,
  staking: stakingInterface.abi,
  reward: rewardInterface.abi,
};
