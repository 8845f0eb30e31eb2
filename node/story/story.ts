/**
 * The whole idea on a running devnet: texts are contributed, a model answers, every validator recomputes who is
 * quoted, and coins arrive. Each step is a transaction that a person could send with the same commands. Ends with the
 * checks: all validators agree, and not one wei was made or lost.
 */
import { OPEN } from '../../genesis/parameters.ts';
import { addressOfPrivateKey, fromHex, toHex } from '../../state/crypto.ts';
import { dataNetInterface, modelInterface, rewardInterface } from '../../state/modules/interfaces.ts';
import { ENGINE, MODEL_KIND } from '../../state/modules/model/types.ts';
import type { Hex } from '../../state/types.ts';
import { formatAmount } from '../cli/amounts.ts';
import { attributionLines } from '../cli/attribution-view.ts';
import { readAnswer } from '../cli/inference-data.ts';
import { type Output, table } from '../cli/output.ts';
import { queueApproval, waitForAcceptance } from '../client/approve.ts';
import { type Account, type ChainClient, createChainClient, eventNamed } from '../client/client.ts';
import { contribute } from '../client/contribute.ts';
import { requestInference, waitForAnswer } from '../client/infer.ts';
import { createRpcClient, watchHeads } from '../client/rpc.ts';
import { UserError } from '../config/errors.ts';
import { type BrownDocument, loadBrownCorpus } from '../datasets/brown.ts';
import {
  ANSWER_TOKENS,
  ASKER,
  CONTRIBUTORS,
  CURATOR,
  MODEL_OWNER,
  OPERATOR,
  PROMPTS,
  STAKER,
} from './cast.ts';

export interface StoryOptions {
  /** All nodes of the network; the first is the one that is talked to. */
  readonly rpcUrls: readonly string[];
  readonly accounts: readonly { readonly name: string; readonly privateKey: Hex }[];
  readonly out: Output;
  readonly signal: AbortSignal;
}

export interface StoryResult {
  readonly dataNetId: bigint;
  readonly modelId: bigint;
  readonly requestIds: readonly Hex[];
}

/** The operator indexes the corpus at the first question: a few seconds, and more on a busy machine. */
const ANSWER_TIMEOUT_MS = 120_000;
const MAX_VESTING_WAIT_MS = 180_000;

export async function runStory(options: StoryOptions): Promise<StoryResult> {
  const { out, signal } = options;
  const client = createChainClient(createRpcClient(options.rpcUrls[0]!, { signal }));
  const cast = new Map<string, Account>();
  for (const { name, privateKey } of options.accounts) {
    const key = fromHex(privateKey, 32);
    cast.set(name, { address: addressOfPrivateKey(key), privateKey: key });
  }
  const person = (name: string): Account => {
    const account = cast.get(name);
    if (!account)
      throw new UserError(
        'STORY',
        `this devnet has no account '${name}'; start a fresh one with 'openledger devnet --fresh --story'`,
      );
    return account;
  };
  const everyone = [...Object.keys(CONTRIBUTORS), MODEL_OWNER, STAKER, OPERATOR, CURATOR, ASKER];
  const names = new Map(everyone.map((name) => [person(name).address, name]));
  const story: Story = { client, out, signal, person, names };

  const before = await supplyOf(client);
  const dataNetId = await createDataNet(story);
  const contributions = await contributeCorpus(story, dataNetId);
  await approve(story, dataNetId, contributions);
  const modelId = await registerModel(story, dataNetId);
  const balancesBefore = await balancesOf(client, names);
  const requestIds = await ask(story, modelId);
  await claim(story, balancesBefore, modelId);
  await check(story, options.rpcUrls, before);
  return { dataNetId, modelId, requestIds };
}

interface Story {
  readonly client: ChainClient;
  readonly out: Output;
  readonly signal: AbortSignal;
  readonly person: (name: string) => Account;
  readonly names: ReadonlyMap<Hex, string>;
}

function chapter({ out }: Story, number: number, text: string): void {
  out.line('');
  out.line(out.paint('bold', `${number}. ${text}`));
}

async function createDataNet(story: Story): Promise<bigint> {
  chapter(story, 1, 'The curator creates a DataNet');
  const { client, person, out } = story;
  const curator = person(CURATOR);
  const created = await client.perform(curator, dataNetInterface, 'create', [
    'Brown corpus',
    'Five hundred American texts of 1961 in fifteen genres.',
    'The Brown University Standard Corpus of Present-Day American English (Francis and Kučera, 1964), contributed by genre.',
    ['english', 'prose'],
  ]);
  const id = eventNamed(created, 'Created')['id'] as bigint;
  await client.perform(curator, dataNetInterface, 'publish', [id]);
  out.line(`   DataNet ${id} “Brown corpus” is open for contributions.`);
  return id;
}

interface Contributed {
  readonly id: Hex;
  readonly name: string;
  readonly genre: string;
  readonly records: number;
}

async function contributeCorpus(story: Story, dataNetId: bigint): Promise<Contributed[]> {
  chapter(story, 2, 'Five people contribute its texts: commit, upload, reveal');
  const { client, person, out, signal } = story;
  const genres = new Map<string, BrownDocument[]>();
  for (const document of loadBrownCorpus())
    genres.set(document.genre, [...(genres.get(document.genre) ?? []), document]);
  const done: Contributed[] = [];
  // People work side by side; what one person sends is in order.
  await Promise.all(
    Object.entries(CONTRIBUTORS).map(async ([name, own]) => {
      for (const genre of own) {
        const documents = genres.get(genre) ?? [];
        const records = documents.map((document) => new TextEncoder().encode(document.text));
        const result = await contribute(
          client,
          person(name),
          {
            dataNetId,
            records,
            licence: 'redistribution permitted',
            metadata: `Brown corpus, ${genre.replace('_', ' ')}`,
          },
          {},
          signal,
        );
        done.push({ id: result.id, name, genre, records: result.recordCount });
        out.line(
          `   ${name.padEnd(6)} ${genre.replace('_', ' ').padEnd(15)} ${String(result.recordCount).padStart(3)} texts ${(result.size / 1024).toFixed(0).padStart(5)} KiB   ${done.length}/15`,
        );
      }
    }),
  );
  return done;
}

async function approve(
  story: Story,
  dataNetId: bigint,
  contributions: readonly Contributed[],
): Promise<void> {
  chapter(story, 3, 'The curator approves them; validators compute what is new and attest it');
  const { client, person, out } = story;
  for (const { id } of contributions) await queueApproval(client, person(CURATOR), id);
  let accepted = 0n;
  let novel = 0n;
  let total = 0;
  for (const { id, records } of contributions) {
    const acceptance = await waitForAcceptance(client, id);
    accepted += acceptance.acceptedCount;
    novel += acceptance.novelRecords;
    total += records;
  }
  const [length, historyHash] = await client.view(dataNetInterface, 'snapshot', [dataNetId]);
  out.line(
    `   ${accepted} of ${total} texts accepted, exact duplicates left out; ${novel} are like no other. Snapshot: ${length} contributions, ${short(historyHash)}.`,
  );
}

async function registerModel(story: Story, dataNetId: bigint): Promise<bigint> {
  chapter(story, 4, 'A model is registered on that snapshot');
  const { client, person, out } = story;
  const operator = person(OPERATOR);
  const registered = await client.perform(
    person(MODEL_OWNER),
    modelInterface,
    'register',
    [
      BigInt(MODEL_KIND.external),
      BigInt(ENGINE.token),
      'Brown ∞-gram',
      'An infinity-gram language model over the DataNet’s own texts. It continues prompts; it does not answer questions.',
      [],
      [],
      [dataNetId],
      operator.address,
      person(MODEL_OWNER).address,
      OPEN / 10n,
      OPEN / 100n,
    ],
    { value: 200n * OPEN },
  );
  const modelId = eventNamed(registered, 'Registered')['modelId'] as bigint;
  await client.perform(person(STAKER), modelInterface, 'stake', [modelId], { value: 50n * OPEN });
  out.line(
    `   Model ${modelId} “Brown ∞-gram”: ${MODEL_OWNER} put down a bond of 200 OPEN, ${STAKER} stakes 50 OPEN on it.`,
  );
  out.line(`   Price: 0.1 OPEN and 0.01 OPEN a token. Answered by ${OPERATOR}.`);
  return modelId;
}

async function ask(story: Story, modelId: bigint): Promise<Hex[]> {
  chapter(story, 5, 'Three prompts are sent; every validator recomputes who the answers quote');
  const { client, person, out, names } = story;
  const asked: Hex[] = [];
  for (const prompt of PROMPTS) {
    const requestId = await requestInference(client, person(ASKER), {
      modelId,
      prompt,
      maxOutputTokens: ANSWER_TOKENS,
    });
    const answer = await waitForAnswer(client, requestId, ANSWER_TIMEOUT_MS);
    const shown = await readAnswer(client, requestId);
    const credited = shown.attribution.credits.length;
    const coverage = 1_000_000_000 - shown.attribution.uncovered;
    out.line('');
    for (const line of attributionLines(shown, out)) out.line(`   ${withNames(line, names)}`);
    out.line(
      `   ${answer.outputTokens} tokens for ${formatAmount(answer.fee)}; ${credited} contributors credited, coverage ${(coverage / 1e7).toFixed(1)} %.`,
    );
    out.line(`   ${client.rpc.url}/#/inference/${requestId}`);
    if (credited < 3)
      throw new UserError('STORY', `only ${credited} contributors are credited; three were expected`);
    if (coverage >= 1_000_000_000)
      throw new UserError('STORY', 'everything is covered; an answer of this model never is');
    asked.push(requestId);
  }
  return asked;
}

async function claim(story: Story, before: ReadonlyMap<string, bigint>, modelId: bigint): Promise<void> {
  chapter(story, 6, 'Rewards vest, and are claimed');
  const { client, person, names, out } = story;
  const claimants = [...Object.keys(CONTRIBUTORS), MODEL_OWNER];
  const claimed = new Map<string, bigint>();
  await vested(
    story,
    claimants.map((name) => person(name).address),
  );
  await Promise.all(
    claimants.map(async (name) => {
      const [claimable] = await client.view(rewardInterface, 'claimable', [person(name).address]);
      if (claimable === 0n) return;
      const done = await client.perform(person(name), rewardInterface, 'claim', []);
      claimed.set(name, eventNamed(done, 'Claimed')['amount'] as bigint);
    }),
  );
  const staked = await client.perform(person(STAKER), modelInterface, 'claim', [modelId]);
  claimed.set(STAKER, eventNamed(staked, 'StakeRewardClaimed')['amount'] as bigint);
  const after = await balancesOf(client, names);
  const rows = [...names.values()].map((name) => [
    `   ${name}`,
    formatAmount(before.get(name)!),
    formatAmount(after.get(name)!),
    claimed.has(name) ? formatAmount(claimed.get(name)!) : '',
  ]);
  for (const line of table([['   who', 'before the questions', 'after the claims', 'claimed'], ...rows]))
    out.line(line.trimEnd());
}

/** Resolves when nothing of these accounts is left to mature. Blocks pass by themselves. */
async function vested({ client }: Story, accounts: readonly Hex[]): Promise<void> {
  const heads = await watchHeads(client.rpc.url);
  const until = performance.now() + MAX_VESTING_WAIT_MS;
  try {
    for (const account of accounts)
      for (;;) {
        const [pending] = await client.view(rewardInterface, 'pending', [account]);
        if (pending === 0n) break;
        if (performance.now() > until)
          throw new UserError(
            'TIMEOUT',
            `rewards of ${account} have not vested after ${MAX_VESTING_WAIT_MS / 1000} s`,
          );
        await heads.next(2_000);
      }
  } finally {
    heads.close();
  }
}

interface Supply {
  readonly number: number;
  readonly balances: Hex;
  readonly burntBaseFees: Hex;
  readonly total: Hex;
}

async function supplyOf(client: ChainClient): Promise<Supply> {
  return client.rpc.request<Supply>('ol_supply');
}

async function check(story: Story, rpcUrls: readonly string[], before: Supply): Promise<void> {
  chapter(story, 7, 'The checks');
  const { client, out, signal } = story;
  const after = await supplyOf(client);
  if (BigInt(before.total) !== BigInt(after.total))
    throw new UserError('STORY', `coins were made or lost: ${before.total} before, ${after.total} after`);
  out.line(
    `   Coins at block ${before.number}: ${formatAmount(BigInt(before.total))}. At block ${after.number}: ${formatAmount(BigInt(after.balances))} in accounts, ${formatAmount(BigInt(after.burntBaseFees))} burnt as base fees.`,
  );
  out.line('   Not one wei was made or lost.');
  // Every node, every height: one slow node may still be a block behind.
  const nodes = rpcUrls.map((url) => createChainClient(createRpcClient(url, { signal })));
  const heights = await Promise.all(
    nodes.map(async (node) => Number(await node.rpc.request<Hex>('eth_blockNumber'))),
  );
  const common = Math.min(...heights);
  for (let number = 0; number <= common; number += 1) {
    const at = `0x${number.toString(16)}`;
    const blocks = await Promise.all(
      nodes.map((node) =>
        node.rpc.request<{ hash: Hex; stateRoot: Hex }>('eth_getBlockByNumber', [at, false]),
      ),
    );
    if (blocks.some((block) => block.hash !== blocks[0]!.hash || block.stateRoot !== blocks[0]!.stateRoot))
      throw new UserError('STORY', `the nodes disagree at block ${number}`);
  }
  out.line(
    `   ${nodes.length} validators have the same block hash and state root at every height up to ${common}.`,
  );
}

async function balancesOf(
  client: ChainClient,
  names: ReadonlyMap<Hex, string>,
): Promise<Map<string, bigint>> {
  const balances = new Map<string, bigint>();
  for (const [address, name] of names)
    balances.set(name, BigInt(await client.rpc.request<Hex>('eth_getBalance', [address, 'latest'])));
  return balances;
}

/** Names in place of the addresses of the cast. */
function withNames(line: string, names: ReadonlyMap<Hex, string>): string {
  return line.replace(/0x[0-9a-fA-F]{40}/g, (address) => {
    const name = names.get(address.toLowerCase() as Hex);
    return name === undefined ? address : `${name} ${address.slice(0, 10)}…`.padEnd(42);
  });
}

function short(hash: string | Uint8Array): string {
  const text = typeof hash === 'string' ? hash : toHex(hash);
  return `${text.slice(0, 10)}…`;
}
