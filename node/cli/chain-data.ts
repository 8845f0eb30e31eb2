/** Things of the chain as several commands read and show them. */

import { CONTRIBUTION_STATUS } from '../../state/modules/contribution/types.ts';
import { DATANET_STATUS } from '../../state/modules/datanet/types.ts';
import { contributionInterface, dataNetInterface, modelInterface } from '../../state/modules/interfaces.ts';
import {
  ENGINE,
  MODEL_KIND,
  MODEL_STATUS,
  REFUSAL,
  ROOT_REFUSAL,
  ROOT_STATUS,
  TRAINING_STATUS,
} from '../../state/modules/model/types.ts';
import type { Hex } from '../../state/types.ts';
import type { ChainClient } from '../client/client.ts';
import { checksumAddress } from '../keys/hex.ts';

/** Lists show the newest; who wants all asks a program's interface. */
export const MAX_LISTED = 200;
/** Questions to the node at once. */
const CONCURRENCY = 16;

/** Results in the order of the inputs. */
export async function mapBounded<T, R>(inputs: readonly T[], work: (input: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < inputs.length; at += CONCURRENCY)
    results.push(...(await Promise.all(inputs.slice(at, at + CONCURRENCY).map(work))));
  return results;
}

/** The last `MAX_LISTED` of the ids 1..count. */
export function newestIds(count: bigint): bigint[] {
  const first = count > BigInt(MAX_LISTED) ? count - BigInt(MAX_LISTED) + 1n : 1n;
  const ids: bigint[] = [];
  for (let id = first; id <= count; id++) ids.push(id);
  return ids;
}

export async function readDataNet(client: ChainClient, id: bigint) {
  const [dataNet] = await client.view(dataNetInterface, 'dataNet', [id]);
  return dataNet;
}

export async function readModel(client: ChainClient, id: bigint) {
  const [model] = await client.view(modelInterface, 'model', [id]);
  return model;
}

/** The newest version of a model that the chain trains; undefined for another model. */
export async function readNewestTraining(client: ChainClient, id: bigint, engine: bigint) {
  if (engine !== BigInt(ENGINE.influence)) return undefined;
  const [training] = await client.view(modelInterface, 'training', [id, 0n]);
  return training;
}

/** What validators say about the root of what a model pins; undefined unless its answers are attributed by their words. */
export async function readAttributionRoot(client: ChainClient, id: bigint, engine: bigint) {
  if (engine !== BigInt(ENGINE.token)) return undefined;
  const [root] = await client.view(modelInterface, 'attributionRoot', [id, 0n]);
  return root;
}

export async function readContribution(client: ChainClient, id: Hex) {
  const [contribution] = await client.view(contributionInterface, 'contribution', [id]);
  return contribution;
}

/** The word for a status number, or for another number of such a table. */
export function statusName(table: Readonly<Record<string, number>>, value: bigint): string {
  return Object.entries(table).find(([, number]) => BigInt(number) === value)?.[0] ?? `status ${value}`;
}
export const dataNetStatus = (value: bigint) => statusName(DATANET_STATUS, value);
export const contributionStatus = (value: bigint) => statusName(CONTRIBUTION_STATUS, value);
export const modelStatus = (value: bigint) => statusName(MODEL_STATUS, value);

export const modelKind = (value: bigint) => statusName(MODEL_KIND, value);

export const trainingStatus = (value: bigint) => statusName(TRAINING_STATUS, value);
export const refusalName = (value: bigint) => statusName(REFUSAL, value);
export const rootStatus = (value: bigint) => statusName(ROOT_STATUS, value);
export const rootRefusal = (value: bigint) => statusName(ROOT_REFUSAL, value);
export const engineName = (value: bigint) => statusName(ENGINE, value);

/** `0x1234…abcd` with EIP-55 letters. */
export function shortAddress(address: Hex): string {
  const full = checksumAddress(address);
  return `${full.slice(0, 8)}…${full.slice(-6)}`;
}

export function shortId(id: Hex): string {
  return `${id.slice(0, 10)}…${id.slice(-6)}`;
}
