/**
 * A small world for tests: a DataNet with a few texts of several people, and a model on it. Everything is sent as
 * users send it, through a node's RPC.
 */

import { OPEN } from '../../genesis/parameters.ts';
import { type Account, type ChainClient, createChainClient, eventNamed } from '../../node/client/client.ts';
import { contribute } from '../../node/client/contribute.ts';
import { createRpcClient } from '../../node/client/rpc.ts';
import type { DevelopmentAccount } from '../../node/devnet/accounts.ts';
import { addressOfPrivateKey, fromHex } from '../../state/crypto.ts';
import { contributionInterface, dataNetInterface, modelInterface } from '../../state/modules/interfaces.ts';
import { MODEL_KIND } from '../../state/modules/model/types.ts';
import type { Hex } from '../../state/types.ts';

export function clientAt(rpcUrl: string): ChainClient {
  return createChainClient(createRpcClient(rpcUrl));
}

export function accountOf({ privateKey }: Pick<DevelopmentAccount, 'privateKey'>): Account {
  const key = fromHex(privateKey, 32);
  return { address: addressOfPrivateKey(key), privateKey: key };
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Texts that share no phrases, so that who is quoted is beyond doubt. */
export const TEXTS: Readonly<Record<string, readonly string[]>> = {
  alice: [
    'The lighthouse keeper counted seventeen herring gulls before the autumn storm reached the granite harbour wall.',
    'Under the copper roof of the observatory a brass telescope followed the slow eclipse of Ganymede.',
  ],
  bob: [
    'Fermented rye bread needs three days, a warm cellar and more patience than most apprentice bakers possess.',
    'A cooper bends steamed oak staves around an iron hoop until the barrel holds without any glue.',
  ],
  carol: [
    'Migrating cranes navigate by polarised twilight and remember every marsh where they rested the previous spring.',
    'The glacier released a wooden ski that some forgotten hunter had lost thirteen centuries earlier.',
  ],
};

export interface Scenario {
  readonly dataNetId: bigint;
  readonly modelId: bigint;
  readonly contributions: readonly { readonly id: Hex; readonly name: string; readonly root: Hex }[];
}

/** `owner` owns the DataNet and the model, `operator` answers for it. */
export async function createScenario(
  client: ChainClient,
  people: Readonly<Record<string, Account>>,
  roles: { readonly owner: Account; readonly operator: Account; readonly bond?: bigint },
): Promise<Scenario> {
  const { owner, operator } = roles;
  const created = await client.perform(owner, dataNetInterface, 'create', [
    'Small texts',
    'For tests.',
    '',
    [],
  ]);
  const dataNetId = eventNamed(created, 'Created')['id'] as bigint;
  await client.perform(owner, dataNetInterface, 'publish', [dataNetId]);
  const contributions = await Promise.all(
    Object.entries(TEXTS).map(async ([name, texts]) => {
      const account = people[name];
      if (!account) throw new Error(`no account for ${name}`);
      const { id, root } = await contribute(client, account, {
        dataNetId,
        records: texts.map(utf8),
        licence: 'CC0-1.0',
        metadata: '',
      });
      return { id, name, root };
    }),
  );
  for (const { id } of contributions) await client.perform(owner, contributionInterface, 'approve', [id]);
  const registered = await client.perform(
    owner,
    modelInterface,
    'register',
    [
      BigInt(MODEL_KIND.external),
      'Test model',
      '',
      [],
      [],
      [dataNetId],
      operator.address,
      owner.address,
      OPEN,
      OPEN / 100n,
    ],
    { value: roles.bond ?? 200n * OPEN },
  );
  return { dataNetId, modelId: eventNamed(registered, 'Registered')['modelId'] as bigint, contributions };
}
