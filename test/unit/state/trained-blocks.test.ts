/** Trained models in real blocks: two nodes, real keys and signatures, real training and answers. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OPEN } from '../../../genesis/parameters.ts';
import { createCaller } from '../../../state/call.ts';
import { keccakHex, sha256 } from '../../../state/crypto.ts';
import { interfaceAt, interfaces } from '../../../state/modules/interfaces.ts';
import {
  commitmentOf,
  contributionIdOf,
  inference,
  inferenceIdAt,
  model,
  rewards,
} from '../../../state/modules/views.ts';
import { encodeNative } from '../../../state/transactions/native.ts';
import { type ArtifactInfo, type ExecutionPorts, type Hex, Unavailable } from '../../../state/types.ts';
import { attestOpen, produceAttestations } from './attesting.ts';
import { answering, pointRecords, trainedArguments } from './modules/trained-story.ts';
import {
  accountAddress,
  accountKey,
  openTestChain,
  signedTransaction,
  type TestChain,
  testValidators,
} from './support.ts';

const [OWNER, ADA, ASKER] = [0, 1, 2] as const;
const GWEI = 1_000_000_000n;
const validators = testValidators(4);
const leaves = pointRecords(16).map((text) => Buffer.from(text));
const sizes = leaves.map((leaf) => leaf.length);
const root: Hex = keccakHex(Buffer.concat(leaves));
const artifact: ArtifactInfo = {
  root,
  size: sizes.reduce((a, b) => a + b, 0),
  leafCount: leaves.length,
  largestLeaf: Math.max(...sizes),
  smallestLeaf: Math.min(...sizes),
  utf8: true,
  leafHashes: leaves.map((leaf) => sha256(leaf)),
};
const salt: Hex = `0x${'5a'.repeat(32)}`;

interface Node {
  chain: TestChain;
  ports: ExecutionPorts;
}
let proposer: Node;
let follower: Node;
const nonces = new Map<number, number>();

async function open(): Promise<Node> {
  const ports: ExecutionPorts = {
    attribute: async ({ requestHash }) => {
      throw new Unavailable({ kind: 'attribution', requestId: requestHash });
    },
    infer: async () => {
      throw new Error('set below');
    },
    artifact: async () => artifact,
  };
  const chain = await openTestChain({ validators, ports });
  honest({ chain, ports });
  return { chain, ports };
}

function honest({ chain, ports }: Node): void {
  const engine = answering({ leavesOf: () => leaves, params: chain.genesis.params });
  ports.infer = async (job) => engine(job);
}

type Names = typeof interfaces;
function operation<M extends 'datanet' | 'contribution' | 'model' | 'inference'>(
  who: number,
  module: M,
  name: keyof Names[M]['spec']['functions'] & string,
  args: readonly unknown[],
  { value = 0n, door = 'native' }: { value?: bigint; door?: 'native' | 'wallet' } = {},
): Uint8Array {
  const nonce = nonces.get(who) ?? 0;
  nonces.set(who, nonce + 1);
  const declared = interfaces[module];
  const gasLimit = 4_000_000n;
  type Encode<R> = (name: string, args: readonly unknown[]) => R;
  if (door === 'wallet') {
    const data = (declared.encodeCall as Encode<Uint8Array>)(name, args);
    return signedTransaction({ key: accountKey(who), nonce, to: declared.address, value, gasLimit, data });
  }
  const native = (declared.nativeCall as Encode<ReturnType<Names['datanet']['nativeCall']>>)(name, args);
  return encodeNative(
    {
      type: Number(BigInt(declared.address) & 0xffn),
      chainId: BigInt(proposer.chain.genesis.params.chainId),
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

/** Commits a block of operations that succeed on both nodes. */
async function succeed(...transactions: Uint8Array[]): Promise<void> {
  const { built, receipts } = await proposer.chain.produce(transactions);
  const errors = receipts.map(({ to, revertData }) => to && interfaceAt(to)?.decodeError(revertData)?.name);
  expect(errors).toEqual(transactions.map(() => undefined));
  await follow(built.bytes, built.block.hash);
}

async function follow(bytes: Uint8Array, hash: Hex): Promise<void> {
  expect(await follower.chain.chain.check(bytes)).toMatchObject({ answer: 'valid' });
  await follower.chain.commit(hash);
  expect(follower.chain.chain.head().stateRoot).toBe(proposer.chain.chain.head().stateRoot);
}

async function attested(attestations: Uint8Array[]): Promise<void> {
  const { built } = await produceAttestations(proposer.chain, attestations);
  expect(built.block.transactions).toHaveLength(attestations.length);
  await follow(built.bytes, built.block.hash);
}

const view = () => follower.chain.chain.reader.stateAt(follower.chain.chain.head().number);

beforeEach(async () => {
  nonces.clear();
  proposer = await open();
  follower = await open();
  const sender = accountAddress(ADA);
  const commitment = commitmentOf({ sender, dataNetId: 1, artifactRoot: root, size: artifact.size, salt });
  const id = contributionIdOf(1, sender, commitment);
  await succeed(
    operation(OWNER, 'datanet', 'create', ['points', '', '', []]),
    operation(OWNER, 'datanet', 'publish', [1n]),
    operation(ADA, 'contribution', 'commit', [1n, commitment], { value: OPEN }),
  );
  const counts = [BigInt(artifact.size), BigInt(artifact.leafCount)];
  await succeed(operation(ADA, 'contribution', 'reveal', [id, root, ...counts, 'CC0-1.0', '', salt]));
  await succeed(operation(OWNER, 'contribution', 'approve', [id]));
  await attestOpen(proposer.chain, () => leaves, attested);
  const args = trainedArguments({
    owner: sender,
    beneficiary: accountAddress(OWNER),
    dataNetIds: [1n],
    price: OPEN,
  });
  await succeed(operation(OWNER, 'model', 'registerTrained', args, { value: 100n * OPEN }));
  expect(model(view(), 1)?.status).toBe('training');
  await attestOpen(proposer.chain, () => leaves, attested);
  expect(model(view(), 1)).toMatchObject({ status: 'active', version: 1 });
});
afterEach(async () => {
  await proposer.chain.close();
  await follower.chain.close();
});

describe('a trained model in blocks', () => {
  it('answers through both doors, and two nodes agree on answer, credits and payments', async () => {
    await succeed(
      operation(ASKER, 'inference', 'infer', [1n, '160 3'], { value: 2n * OPEN }),
      operation(ASKER, 'inference', 'infer', [1n, '-160 3'], { value: OPEN, door: 'wallet' }),
    );
    const [right, left] = [1, 2].map((sequence) => inference(view(), inferenceIdAt(view(), sequence) as Hex));
    expect(right).toMatchObject({ status: 'settled', output: 'right', fee: OPEN, escrow: 2n * OPEN });
    expect(left).toMatchObject({ output: 'left' });
    expect(right?.attribution?.credits).toEqual([
      { contributor: accountAddress(ADA), parts: right?.attribution?.coverage },
    ]);
    expect(rewards(view(), accountAddress(ADA), 1).pending).toBeGreaterThan(0n);
    expect(view().account(interfaces.inference.address)?.balance).toBe(0n);
  });

  it('B1: a block with an answer is unknown to a node that has not trained the model, and valid once it has', async () => {
    const { bytes } = await proposer.chain.build([
      operation(ASKER, 'inference', 'infer', [1n, '160 3'], { value: OPEN }),
    ]);
    follower.ports.infer = async ({ modelId, version }) => {
      throw new Unavailable({ kind: 'model', modelId, version });
    };
    expect(await follower.chain.chain.check(bytes)).toEqual({
      answer: 'unknown',
      missing: { kind: 'model', modelId: 1, version: 1 },
    });
    honest(follower);
    expect(await follower.chain.chain.check(bytes)).toMatchObject({ answer: 'valid' });
  });

  it('C2: a proposer whose engine answers or credits otherwise finds no follower', async () => {
    const right = proposer.ports.infer;
    proposer.ports.infer = async (job) => ({
      ...(await right(job)),
      output: Buffer.from('left'),
    });
    const { bytes } = await proposer.chain.build([
      operation(ASKER, 'inference', 'infer', [1n, '160 3'], { value: OPEN }),
    ]);
    expect(await follower.chain.chain.check(bytes)).toMatchObject({
      answer: 'invalid',
      code: 'WRONG_HEADER',
    });
  });

  it('can be called to see the answer before it is paid for; a node that cannot answer says so', async () => {
    const { reader } = follower.chain.chain;
    const data = interfaces.inference.encodeCall('infer', [1n, '160 3']);
    const request = { from: accountAddress(ASKER), to: interfaces.inference.address, data, value: OPEN };
    const { number } = reader.head();
    const caller = createCaller(reader, { ports: follower.ports });
    const { returnData } = await caller.call(request, number);
    expect(interfaces.inference.decodeResult('infer', returnData)[1]).toBe('right');
    await expect(createCaller(reader).call(request, number)).rejects.toMatchObject({
      missing: { kind: 'model' },
    });
  });
});
