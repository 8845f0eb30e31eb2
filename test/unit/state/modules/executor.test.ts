import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  attributeTokens,
  attributionRecord,
  attributionRecordHash,
  buildTokenIndex,
  createCorpus,
  DEFAULT_TOKEN_ATTRIBUTION_PARAMS,
  decodeAttributionRecord,
  encodeAttributionRecord,
  packOrderKey,
} from '../../../../attribution/api.ts';
import { OPEN } from '../../../../genesis/parameters.ts';
import { encodeBlock, headerHash } from '../../../../state/block/codec.ts';
import { orderedRoot } from '../../../../state/block/roots.ts';
import { createCaller } from '../../../../state/call.ts';
import { concat } from '../../../../state/crypto.ts';
import { fromHex, toHex } from '../../../../state/modules/abi.ts';
import { recordAddress, TYPE } from '../../../../state/modules/addresses.ts';
import { keccakHex } from '../../../../state/modules/hash.ts';
import { interfaceAt, interfaces } from '../../../../state/modules/interfaces.ts';
import { slotOf } from '../../../../state/modules/storage.ts';
import {
  attributionJob,
  commitmentOf,
  contribution,
  contributionIdOf,
  dataNet,
  inference,
  inferenceIdAt,
  model,
  requestHash,
  rewards,
  totalOwed,
  validatorSets,
} from '../../../../state/modules/views.ts';
import { encodeNative } from '../../../../state/transactions/native.ts';
import {
  type ArtifactInfo,
  type AttributionJob,
  type AttributionOutcome,
  type ExecutionPorts,
  type Hex,
  type Receipt,
  Unavailable,
} from '../../../../state/types.ts';
import { attestOpen, produceAttestations } from '../attesting.ts';
import {
  accountAddress,
  accountKey,
  GWEI,
  openTestChain,
  signedTransaction,
  type TestChain,
} from '../support.ts';

/** People by the index of their key. */
const OWNER = 0;
const HOMER = 1;
const ASKER = 2;
const OPERATOR = 3;
const STAKER = 4;

const verse = [
  'Sing, goddess, the wrath of Achilles, son of Peleus, that brought countless griefs upon the Achaeans.',
  'Many were the strong souls it hurled down to Hades, and made the heroes a prey to dogs and birds.',
];
const root: Hex = `0x${'ab'.repeat(32)}`;
const artifact: ArtifactInfo = {
  root,
  size: verse.reduce((sum, line) => sum + Buffer.byteLength(line), 0),
  leafCount: verse.length,
  largestLeaf: Math.max(...verse.map((line) => line.length)),
  smallestLeaf: Math.min(...verse.map((line) => line.length)),
  utf8: true,
  leafHashes: verse.map((line) => new Uint8Array(createHash('sha256').update(line).digest())),
};

/** The real engine over the one artifact that there is. */
function attribute(job: AttributionJob): AttributionOutcome {
  const corpus = createCorpus(
    job.sequence().flatMap((entry) =>
      verse.map((line, recordIndex) => ({
        orderKey: packOrderKey(entry.commitSequence, recordIndex),
        contributor: entry.contributor,
        dataNetId: entry.dataNetId,
        contributionId: entry.commitSequence,
        recordIndex,
        bytes: Buffer.from(line),
      })),
    ),
  );
  const result = attributeTokens({
    index: buildTokenIndex(corpus),
    commons: new Set(),
    ineligible: new Set(job.ineligible),
    output: job.output,
    prompt: job.prompt,
    // Two short records carry few bits a token; a window of three words is enough here.
    params: { ...DEFAULT_TOKEN_ATTRIBUTION_PARAMS, lmin: 3, sminQ16: 8 << 16, recordCapPermille: 400 },
  });
  const record = attributionRecord(job.requestHash, job.output, result);
  return {
    record: encodeAttributionRecord(record),
    recordHash: attributionRecordHash(record) as Hex,
    outputTokens: result.outputTokens,
    credits: result.credits.map(({ contributor, credit }) => ({
      contributor: contributor as Hex,
      parts: credit,
    })),
    uncovered: result.uncovered,
  };
}

const held = { artifact: true };
const ports = (engine = attribute): ExecutionPorts => ({
  attribute: async (job) => engine(job),
  infer: async ({ modelId, version }) => {
    throw new Unavailable({ kind: 'model', modelId, version });
  },
  async artifact(wanted) {
    if (!held.artifact || wanted !== root) throw new Unavailable({ kind: 'artifact', root: wanted });
    return artifact;
  },
});

let proposer: TestChain;
let follower: TestChain;
const opened: TestChain[] = [];
const open = async (engine?: typeof attribute): Promise<TestChain> => {
  const chain = await openTestChain({ ports: ports(engine) });
  opened.push(chain);
  return chain;
};
const nonces = new Map<number, number>();
beforeEach(async () => {
  held.artifact = true;
  nonces.clear();
  proposer = await open();
  follower = await open();
});
afterEach(async () => {
  for (const chain of opened.splice(0)) await chain.close();
});

type Names = typeof interfaces;
interface Call {
  door?: 'native' | 'wallet';
  value?: bigint;
  gasLimit?: bigint;
}

/** A signed operation through one of the two doors. */
function operation<M extends keyof Names>(
  who: number,
  module: M,
  name: keyof Names[M]['spec']['functions'] & string,
  args: readonly unknown[],
  { door = 'native', value = 0n, gasLimit = 4_000_000n }: Call = {},
): Uint8Array {
  const nonce = nonces.get(who) ?? 0;
  nonces.set(who, nonce + 1);
  const declared = interfaces[module];
  if (door === 'wallet')
    return signedTransaction({
      key: accountKey(who),
      nonce,
      to: declared.address,
      value,
      gasLimit,
      data: (declared.encodeCall as (name: string, args: readonly unknown[]) => Uint8Array)(name, args),
    });
  const native = (
    declared.nativeCall as (
      name: string,
      args: readonly unknown[],
    ) => ReturnType<Names['datanet']['nativeCall']>
  )(name, args);
  return encodeNative(
    {
      type: TYPE[module],
      chainId: BigInt(proposer.genesis.params.chainId),
      nonce: BigInt(nonce),
      maxPriorityFeePerGas: GWEI,
      maxFeePerGas: 100n * GWEI,
      gasLimit,
      value,
      ...native,
    },
    accountKey(who),
  );
}

/** Commits a block on the proposer, checks and commits it on the follower, and returns its receipts. */
async function block(...transactions: Uint8Array[]): Promise<Receipt[]> {
  const { built, receipts } = await proposer.produce(transactions);
  expect(built.block.transactions).toHaveLength(transactions.length);
  expect(await follower.chain.check(built.bytes)).toMatchObject({ answer: 'valid' });
  await follower.commit(built.block.hash);
  expect(follower.chain.head().stateRoot).toBe(proposer.chain.head().stateRoot);
  return receipts;
}

/** The same for what validators say; every node must agree. */
async function attested(attestations: Uint8Array[]): Promise<void> {
  const { built } = await produceAttestations(proposer, attestations);
  expect(built.block.transactions).toHaveLength(attestations.length);
  expect(await follower.chain.check(built.bytes)).toMatchObject({ answer: 'valid' });
  await follower.commit(built.block.hash);
}

async function succeed(...transactions: Uint8Array[]): Promise<Receipt[]> {
  const receipts = await block(...transactions);
  expect(receipts.map((receipt) => [receipt.status, errorOf(receipt)])).toEqual(
    transactions.map(() => [1, undefined]),
  );
  return receipts;
}

function errorOf(receipt: Receipt | undefined): string | undefined {
  return receipt?.to ? interfaceAt(receipt.to)?.decodeError(receipt.revertData)?.name : undefined;
}

const view = () => follower.chain.reader.stateAt(follower.chain.head().number);
const salt: Hex = `0x${'5a'.repeat(32)}`;
const commitment = commitmentOf({
  sender: accountAddress(HOMER),
  dataNetId: 1,
  artifactRoot: root,
  size: artifact.size,
  salt,
});
const contributionId = contributionIdOf(1, accountAddress(HOMER), commitment);
const reveal = () =>
  operation(HOMER, 'contribution', 'reveal', [
    contributionId,
    root,
    BigInt(artifact.size),
    BigInt(artifact.leafCount),
    'CC0-1.0',
    'Iliad',
    salt,
  ]);

async function published(): Promise<void> {
  await succeed(operation(OWNER, 'datanet', 'create', ['epics', 'old verse', '', ['greek']]));
  await succeed(operation(OWNER, 'datanet', 'publish', [1n], { door: 'wallet' }));
  await succeed(
    operation(HOMER, 'contribution', 'commit', [1n, commitment], { value: OPEN, door: 'wallet' }),
  );
}

async function asked(): Promise<Hex> {
  await published();
  await succeed(reveal());
  await succeed(operation(OWNER, 'contribution', 'approve', [contributionId]));
  expect(contribution(view(), contributionId)).toMatchObject({ status: 'queued' });
  await attestOpen(proposer, () => verse.map((line) => Buffer.from(line)), attested);
  await succeed(
    operation(
      OWNER,
      'model',
      'register',
      [
        4n,
        1n,
        'oracle',
        '',
        [],
        [],
        [1n],
        accountAddress(OPERATOR),
        accountAddress(OWNER),
        OPEN,
        OPEN / 100n,
      ],
      { value: 100n * OPEN },
    ),
  );
  await succeed(operation(STAKER, 'model', 'stake', [1n], { value: 7n * OPEN }));
  await succeed(
    operation(ASKER, 'inference', 'request', [1n, 'What did the goddess sing?', 64n], {
      value: 3n * OPEN,
      door: 'wallet',
    }),
  );
  return inferenceIdAt(view(), 1) as Hex;
}

const answer = 'She sang the wrath of Achilles, son of Peleus, and it was long.';

function rightHash(id: Hex): Hex {
  return attribute(attributionJob(view(), id, Buffer.from(answer)) as AttributionJob).recordHash;
}

describe('the modules in the executor', () => {
  it('the whole story: a DataNet, a contribution, a model, a question, an answer, a claim; two nodes agree', async () => {
    const id = await asked();
    expect(dataNet(view(), 1)).toMatchObject({ name: 'epics', length: 1, status: 'published' });
    expect(contribution(view(), contributionId)).toMatchObject({ status: 'approved' });
    const [receipt] = await succeed(operation(OPERATOR, 'inference', 'settle', [id, answer, rightHash(id)]));
    const names = receipt?.logs.map((log) => interfaceAt(log.address)?.decodeEvent(log)?.name);
    expect(names).toContain('Settled');
    const found = inference(view(), id);
    expect(found).toMatchObject({ status: 'settled', output: answer });
    expect(found?.attribution?.credits).toEqual([
      { contributor: accountAddress(HOMER), parts: expect.any(Number) },
    ]);
    expect(rewards(view(), accountAddress(HOMER), 0).pending).toBeGreaterThan(0n);
    const { address } = interfaces.reward;
    expect(view().account(address)?.balance).toBe(totalOwed(view()));
    expect(view().account(interfaces.inference.address)?.balance).toBe(0n);
    // The owner's share is not vested.
    const earned = rewards(view(), accountAddress(OWNER), 0).claimable;
    expect(earned).toBe((found?.fee as bigint) / 5n);
    await succeed(operation(OWNER, 'reward', 'claim', [], { door: 'wallet' }));
    expect(rewards(view(), accountAddress(OWNER), 0).claimable).toBe(0n);
    expect(view().account(address)?.balance).toBe(totalOwed(view()));
  });

  it('C2: a wrong hash is an outcome with status 1; a wrong sender is a revert', async () => {
    const id = await asked();
    const [foreign] = await block(
      operation(ASKER, 'inference', 'settle', [id, answer, rightHash(id)], { gasLimit: 2_000_000n }),
    );
    expect([foreign?.status, errorOf(foreign)]).toEqual([0, 'NotOperator']);
    expect(inference(view(), id)?.status).toBe('open');
    const before = model(view(), 1)?.bond as bigint;
    await succeed(operation(OPERATOR, 'inference', 'settle', [id, answer, salt]));
    expect(inference(view(), id)?.status).toBe('rejected');
    expect(model(view(), 1)?.bond).toBeLessThan(before);
  });

  it('B6: settlements that will be refused leave the block’s budget to the operator, and start no attribution', async () => {
    let attributions = 0;
    const { params } = proposer.genesis;
    const attributionUnits = (16_384 + 4_096) / 4 + 32_768;
    const tight = { params: { block: { ...params.block, attributionUnits } } };
    const counted = (job: AttributionJob) => {
      attributions++;
      return attribute(job);
    };
    proposer = await openTestChain({ ports: ports(counted), ...tight });
    follower = await openTestChain({ ports: ports(counted), ...tight });
    opened.push(proposer, follower);
    const id = await asked();
    // Each of these would fill nearly the block's units, if units were counted for it.
    const long = 'word '.repeat(2_400);
    const settle = (who: number, request: Hex, options: Call = {}, text = long) =>
      operation(who, 'inference', 'settle', [request, text, rightHash(id)], {
        gasLimit: 2_000_000n,
        ...options,
      });
    const receipts = await block(
      settle(ASKER, id),
      settle(ASKER, id, { door: 'wallet' }),
      settle(HOMER, salt),
      settle(OWNER, id),
      settle(OPERATOR, salt),
      settle(OPERATOR, id, {}, answer),
      // Closed by the one before: counted on the state that it left.
      settle(OPERATOR, id),
      settle(OPERATOR, id),
    );
    expect(receipts.map((receipt) => errorOf(receipt))).toEqual([
      'NotOperator',
      'NotOperator',
      'UnknownRequest',
      'NotOperator',
      'UnknownRequest',
      undefined,
      'AlreadySettled',
      'AlreadySettled',
    ]);
    expect(inference(view(), id)?.status).toBe('settled');
    // Once for the proposer, once for the follower.
    expect(attributions).toBe(2);
  });

  it('B6: settlements beyond the block’s units wait for the next block; a block with more is invalid', async () => {
    const { params } = proposer.genesis;
    const attributionUnits = (16_384 + 4_096) / 4 + 32_768;
    const tight = { params: { block: { ...params.block, attributionUnits } } };
    proposer = await openTestChain({ ports: ports(), ...tight });
    follower = await openTestChain({ ports: ports(), ...tight });
    opened.push(proposer, follower);
    await asked();
    await succeed(
      operation(ASKER, 'inference', 'request', [1n, 'And then?', 512n], { value: 9n * OPEN }),
      operation(ASKER, 'inference', 'request', [1n, 'And after?', 512n], { value: 9n * OPEN }),
    );
    const text = 'Sing, goddess, the wrath of Achilles! '.repeat(56);
    const settlements = [2, 3].map((sequence) => {
      const id = inferenceIdAt(view(), sequence) as Hex;
      const job = attributionJob(view(), id, Buffer.from(text)) as AttributionJob;
      const args = [id, text, attribute(job).recordHash];
      return operation(OPERATOR, 'inference', 'settle', args, { gasLimit: 5_000_000n });
    });
    const first = await proposer.build(settlements);
    expect(first.block.transactions).toHaveLength(1);
    // A proposer with other ideas of the budget, on the same history.
    const both = { ...first.block, transactions: settlements };
    both.header = { ...both.header, transactionsRoot: orderedRoot(settlements) };
    both.hash = headerHash(both.header);
    expect(await follower.chain.check(encodeBlock(both))).toMatchObject({
      answer: 'invalid',
      code: 'BAD_TRANSACTION',
      detail: expect.stringContaining('ATTRIBUTION_EXCEEDED'),
    });
    await succeed(settlements[0] as Uint8Array);
    await succeed(settlements[1] as Uint8Array);
  });

  it('C2: a proposer whose engine credits somebody else finds no follower', async () => {
    const id = await asked();
    // A third node with the same history and a crooked engine.
    const crooked = await open((job) => {
      const honest = attribute(job);
      return { ...honest, credits: [{ contributor: accountAddress(9), parts: 1_000_000_000 }], uncovered: 0 };
    });
    for (let number = 1; number <= proposer.chain.head().number; number++) {
      const bytes = proposer.chain.reader.blockBytes(number) as Uint8Array;
      expect(await crooked.chain.check(bytes)).toMatchObject({ answer: 'valid' });
      await crooked.commit(proposer.chain.reader.blockByNumber(number)?.hash as Hex);
    }
    const settlement = operation(OPERATOR, 'inference', 'settle', [id, answer, rightHash(id)]);
    const built = await crooked.build([settlement]);
    expect(built.block.transactions).toHaveLength(1);
    expect(await follower.chain.check(built.bytes)).toMatchObject({
      answer: 'invalid',
      code: 'WRONG_HEADER',
    });
  });

  it('B1: a block with a reveal is unknown to a node without the bytes, and valid once it has them', async () => {
    await published();
    const built = await proposer.build([reveal()]);
    held.artifact = false;
    expect(await follower.chain.check(built.bytes)).toEqual({
      answer: 'unknown',
      missing: { kind: 'artifact', root },
    });
    held.artifact = true;
    expect(await follower.chain.check(built.bytes)).toMatchObject({ answer: 'valid' });
  });

  it('D2: a deposit that was not revealed burns by itself, in the block after the window', async () => {
    const short = await openTestChain({
      ports: ports(),
      params: {
        contribution: { ...proposer.genesis.params.contribution, revealWindowBlocks: 3 },
      },
    });
    opened.push(short);
    proposer = short;
    const commitOnly = [
      operation(OWNER, 'datanet', 'create', ['epics', '', '', []]),
      operation(OWNER, 'datanet', 'publish', [1n]),
      operation(HOMER, 'contribution', 'commit', [1n, commitment], { value: OPEN }),
    ];
    const { receipts } = await short.produce(commitOnly);
    expect(receipts.map((receipt) => receipt.status)).toEqual([1, 1, 1]);
    const { treasury } = short.genesis.params;
    const burnt = () =>
      short.chain.reader.stateAt(short.chain.head().number).account(treasury)?.balance ?? 0n;
    for (let i = 0; i < 2; i++) await short.produce([]);
    expect(burnt()).toBe(0n);
    await short.produce([]);
    expect(burnt()).toBe(OPEN);
  });

  it('E2: handler gas is equal through both doors', async () => {
    const words = ['epics', 'old verse', 'of gods', ['greek']];
    const [native] = await succeed(operation(OWNER, 'datanet', 'create', words));
    const [wallet] = await succeed(operation(HOMER, 'datanet', 'create', words, { door: 'wallet' }));
    // The first creation writes the counter anew (20,000), the second changes it (2,900).
    const nonZero = (bytes: Uint8Array) => bytes.reduce((sum, byte) => sum + (byte === 0 ? 4 : 16), 0);
    const calldata = interfaces.datanet.encodeCall('create', words as [string, string, string, string[]]);
    const walletHandler = (wallet as Receipt).gasUsed - 21_000n - BigInt(nonZero(calldata));
    const caller = createCaller(follower.chain.reader);
    const estimate = await caller.estimateGas(
      {
        from: accountAddress(HOMER),
        native: { type: TYPE.datanet, ...interfaces.datanet.nativeCall('create', words as never) },
      },
      follower.chain.head().number,
    );
    expect(walletHandler).toBeGreaterThan(20_000n);
    expect('gas' in estimate && estimate.gas).toBeTruthy();
    const fields = interfaces.datanet.nativeCall('create', words as never).fields;
    expect(fields).toHaveLength(4);
    const nativeHandler = (native as Receipt).gasUsed - 21_000n;
    // What is left beside the handler is the price of the encoded fields, at most that of the calldata.
    const fieldsPrice = nativeHandler - (walletHandler + 17_100n);
    expect(fieldsPrice).toBeGreaterThan(0n);
    expect(fieldsPrice).toBeLessThan(BigInt(nonZero(calldata)));
  });

  it('E3: the request record can be proved from the state root, and its body reads as a Solidity struct', async () => {
    const id = await asked();
    const { reader, head } = follower.chain;
    const hash = requestHash(view(), id);
    const body = view().body(hash) as Uint8Array;
    expect(keccakHex(body)).toBe(hash);
    const records = recordAddress(TYPE.inference);
    const proof = reader.proof(records, [toHex(body.slice(0, 32))], head().number);
    expect(proof.storageProof[0]?.value).toBe(BigInt(hash));
    // Dynamic struct: the first word after the key is its offset.
    expect(toHex(body.slice(32, 64))).toBe(`0x${(32).toString(16).padStart(64, '0')}`);
    expect(toHex(body.slice(64, 96))).toBe(reader.genesisHash);
  });

  it('B5: the attribution of a settled answer is a body in state that anybody can prove and check', async () => {
    const id = await asked();
    await succeed(operation(OPERATOR, 'inference', 'settle', [id, answer, rightHash(id)]));
    const { reader, head } = follower.chain;
    const caller = createCaller(reader);
    const { inference: inferences } = interfaces;
    const call = { to: inferences.address, data: inferences.encodeCall('attributionRecord', [id]) };
    const { returnData } = await caller.call(call, head().number);
    const [record] = inferences.decodeResult('attributionRecord', returnData) as unknown as [Uint8Array];
    expect(keccakHex(record)).toBe(rightHash(id));
    // A slot of the module's record account holds the hash of (slot, record): what eth_getProof proves.
    const slot = toHex(slotOf('inference.attribution', id));
    const proof = reader.proof(recordAddress(TYPE.inference), [slot], head().number);
    expect(proof.storageProof[0]?.value).toBe(BigInt(keccakHex(concat(fromHex(slot), record))));
    const decoded = decodeAttributionRecord(record);
    expect(decoded.version).toBe(1);
    expect(decoded.coverage).toBeGreaterThan(0);
    expect(decoded.credits.map(({ contributor }) => contributor)).toEqual([accountAddress(HOMER)]);
  });

  it('views answer in calls, also for contracts', async () => {
    const id = await asked();
    const caller = createCaller(follower.chain.reader);
    const ask = async (to: Hex, data: Uint8Array) => caller.call({ to, data }, follower.chain.head().number);
    const { model: models, inference: inferences, staking } = interfaces;
    const price = await ask(inferences.address, inferences.encodeCall('maxPrice', [1n, 64n]));
    expect(inferences.decodeResult('maxPrice', price.returnData)).toEqual([OPEN + (64n * OPEN) / 100n]);
    const card = await ask(models.address, models.encodeCall('model', [1n]));
    expect(models.decodeResult('model', card.returnData)[0]).toMatchObject({
      name: 'oracle',
      openRequests: 1n,
    });
    const prompt = await ask(inferences.address, inferences.encodeCall('prompt', [id]));
    expect(inferences.decodeResult('prompt', prompt.returnData)).toEqual(['What did the goddess sing?']);
    const unknown = await ask(models.address, models.encodeCall('model', [9n]));
    expect(models.decodeError(unknown.error?.data as Uint8Array)).toMatchObject({
      name: 'UnknownModel',
      args: [9n],
    });
    const number = follower.chain.head().number;
    const certified = await ask(staking.address, staking.encodeCall('certificateHash', [BigInt(number - 1)]));
    expect(staking.decodeResult('certificateHash', certified.returnData)).toEqual([
      follower.chain.reader.blockByNumber(number)?.header.parentBeaconBlockRoot,
    ]);
    expect(fromHex(validatorSets(view()).next[0]?.blsPublicKey as Hex)).toHaveLength(48);
  });
});
