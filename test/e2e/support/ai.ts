/** The smallest AI economy: two people's texts, one model, questions, answers that quote both. */
import { OPEN } from '../../../genesis/parameters.ts';
import { queueApproval, waitForAcceptance } from '../../../node/client/approve.ts';
import {
  type Account,
  type ChainClient,
  createChainClient,
  eventNamed,
} from '../../../node/client/client.ts';
import { contribute } from '../../../node/client/contribute.ts';
import { requestInference } from '../../../node/client/infer.ts';
import { createRpcClient } from '../../../node/client/rpc.ts';
import { loadBrownCorpus } from '../../../node/datasets/brown.ts';
import type { DevelopmentAccount } from '../../../node/devnet/accounts.ts';
import { fromHex } from '../../../state/crypto.ts';
import { dataNetInterface, modelInterface } from '../../../state/modules/interfaces.ts';
import { ENGINE, MODEL_KIND } from '../../../state/modules/model/types.ts';
import type { AttributionEngine } from '../../../state/types.ts';
import type { Hex } from './client.ts';
import type { TestNode } from './network.ts';

/** Two documents each: in much smaller texts no four words carry the 32 bits that make a quotation. */
const documents = loadBrownCorpus();
const TEXTS = {
  alice: [documents[0], documents[1]].map((document) => document?.text ?? ''),
  bob: [documents[200], documents[201]].map((document) => document?.text ?? ''),
};
const passage = (text: string | undefined): string => (text ?? '').split(' ').slice(100, 140).join(' ');

/** Quotes one text of each of them. */
export const ANSWER = `${passage(TEXTS.alice[0])} ${passage(TEXTS.bob[1])}`;
const PROMPT = 'What did people see that year?';
const MAX_TOKENS = 120;

export interface Economy {
  readonly modelId: bigint;
  readonly people: Readonly<Record<'alice' | 'bob' | 'curator' | 'operator' | 'asker', Account>>;
  /** Asks a question; resolves with its id once it is final. */
  ask(client: ChainClient): Promise<Hex>;
}

export const chainClient = (node: Pick<TestNode, 'rpcPort'>): ChainClient =>
  createChainClient(createRpcClient(`http://127.0.0.1:${node.rpcPort}`));

export interface EconomyOptions {
  /** Of the model; token by default. */
  readonly engine?: AttributionEngine;
  /** Their records; whole documents by default. */
  readonly texts?: Readonly<Record<'alice' | 'bob', readonly string[]>>;
  readonly prompt?: string;
}

export async function foundEconomy(
  network: { readonly accounts: readonly Pick<DevelopmentAccount, 'name' | 'address' | 'privateKey'>[] },
  node: Pick<TestNode, 'rpcPort'>,
  { engine = 'token', texts = TEXTS, prompt = PROMPT }: EconomyOptions = {},
): Promise<Economy> {
  const person = (name: string): Account => {
    const found = network.accounts.find((account) => account.name === name);
    if (found === undefined) throw new Error(`no development account ${name}`);
    return { address: found.address.toLowerCase() as Hex, privateKey: fromHex(found.privateKey, 32) };
  };
  const people = {
    alice: person('alice'),
    bob: person('bob'),
    curator: person('curator'),
    operator: person('operator'),
    asker: person('asker'),
  };
  const client = chainClient(node);
  const created = await client.perform(people.curator, dataNetInterface, 'create', [
    'Tales',
    'Tales',
    'Tales of two people.',
    [],
  ]);
  const dataNetId = eventNamed(created, 'Created')['id'] as bigint;
  await client.perform(people.curator, dataNetInterface, 'publish', [dataNetId]);
  for (const name of ['alice', 'bob'] as const) {
    const records = texts[name].map((text) => new TextEncoder().encode(text));
    const { id } = await contribute(client, people[name], {
      dataNetId,
      records,
      licence: 'CC0',
      metadata: '',
    });
    await queueApproval(client, people.curator, id);
    await waitForAcceptance(client, id);
  }
  const registered = await client.perform(
    people.curator,
    modelInterface,
    'register',
    [
      BigInt(MODEL_KIND.external),
      BigInt(ENGINE[engine]),
      'Storyteller',
      'Tells tales.',
      [],
      [],
      [dataNetId],
      people.operator.address,
      people.curator.address,
      OPEN / 10n,
      OPEN / 100n,
    ],
    { value: 200n * OPEN },
  );
  const modelId = eventNamed(registered, 'Registered')['modelId'] as bigint;
  return {
    modelId,
    people,
    ask: (asking) => requestInference(asking, people.asker, { modelId, prompt, maxOutputTokens: MAX_TOKENS }),
  };
}
