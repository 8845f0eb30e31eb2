/** What a proposer may not pass off as an attestation, with real keys, and what every validator makes of it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attestationSignBytes, voteSignBytes } from '../../../consensus/sign-bytes.ts';
import { asHeight, asRound } from '../../../consensus/types.ts';
import { DEFAULT_PARAMS, OPEN } from '../../../genesis/parameters.ts';
import type { ChainParams } from '../../../genesis/types.ts';
import { encodeBlock } from '../../../state/block/codec.ts';
import { orderedRoot } from '../../../state/block/roots.ts';
import { createCaller } from '../../../state/call.ts';
import { keccak256, keccakHex, sha256, toHex } from '../../../state/crypto.ts';
import { contributionInterface, dataNetInterface, interfaceAt } from '../../../state/modules/interfaces.ts';
import {
  commitmentOf,
  contribution,
  contributionIdOf,
  openSubjects,
  validators as registered,
  subject,
} from '../../../state/modules/views.ts';
import {
  attestationOf,
  decodeAttestation,
  encodeAttestation,
} from '../../../state/transactions/attestation.ts';
import { decodeTransaction } from '../../../state/transactions/decode.ts';
import { type ArtifactInfo, type ExecutionPorts, type Hex, Unavailable } from '../../../state/types.ts';
import { attestRaw, honestBody, produceAttestations } from './attesting.ts';
import {
  accountAddress,
  accountKey,
  openTestChain,
  signedTransaction,
  type TestChain,
  type TestValidator,
  testValidators,
} from './support.ts';

const OWNER = 0;
const validators = testValidators(4);
const [one, two, three, four] = validators as [TestValidator, TestValidator, TestValidator, TestValidator];
const root: Hex = `0x${'ab'.repeat(32)}`;
const leaves = ['sing', 'goddess'].map((text) => Buffer.from(text));
const salt: Hex = `0x${'5a'.repeat(32)}`;
const artifact: ArtifactInfo = {
  root,
  size: 11,
  leafCount: 2,
  largestLeaf: 7,
  smallestLeaf: 4,
  utf8: true,
  leafHashes: leaves.map((leaf) => sha256(leaf)),
};
const ports: ExecutionPorts = {
  attribute: async ({ requestHash }) => {
    throw new Unavailable({ kind: 'attribution', requestId: requestHash });
  },
  infer: async ({ modelId, version }) => {
    throw new Unavailable({ kind: 'model', modelId, version });
  },
  artifact: async () => artifact,
};

let test: TestChain;
let key: Hex;
let object: Uint8Array;
const view = () => test.chain.reader.stateAt(test.chain.head().number);
const commitment = commitmentOf({
  sender: accountAddress(OWNER),
  dataNetId: 1,
  artifactRoot: root,
  size: 11,
  salt,
});
const contributionId = contributionIdOf(1, accountAddress(OWNER), commitment);

/** The owner gives to their own DataNet and approves it; the subject is open. */
async function begin(params: Partial<ChainParams> = {}): Promise<void> {
  test = await openTestChain({ validators, ports, params });
  let nonce = 0;
  const call = (to: Hex, data: Uint8Array, value = 0n) =>
    signedTransaction({ key: accountKey(OWNER), nonce: nonce++, to, data, value, gasLimit: 3_000_000n });
  const onNet = (data: Uint8Array) => call(dataNetInterface.address, data);
  const onContribution = (data: Uint8Array, value = 0n) => call(contributionInterface.address, data, value);
  await test.produce([
    onNet(dataNetInterface.encodeCall('create', ['epics', '', '', []])),
    onNet(dataNetInterface.encodeCall('publish', [1n])),
    onContribution(contributionInterface.encodeCall('commit', [1n, commitment]), OPEN),
    onContribution(
      contributionInterface.encodeCall('reveal', [contributionId, root, 11n, 2n, 'CC0', '', salt]),
    ),
    onContribution(contributionInterface.encodeCall('approve', [contributionId])),
  ]);
  [key] = openSubjects(view()) as [Hex];
  object = honestBody(view(), contributionId, () => leaves);
}
beforeEach(() => begin());
afterEach(() => test.close());

const right = (): Hex => keccakHex(object);
const say = (validator: TestValidator, said: Hex = right()) =>
  attestRaw(test, validator, { subject: key, root: said });
const publication = () =>
  encodeAttestation({ op: 'publish', subject: key, object }, test.genesis.params.chainId);
const wrong: Hex = `0x${'77'.repeat(32)}`;

/** What everybody answers to a child of the head with exactly these transactions. */
async function verdict(...transactions: Uint8Array[]): Promise<string> {
  const { block } = await test.build([]);
  const header = { ...block.header, transactionsRoot: orderedRoot(transactions) };
  const answer = await test.chain.check(encodeBlock({ ...block, header, transactions }));
  return answer.answer === 'invalid' ? `${answer.code}: ${answer.detail}` : answer.answer;
}

describe('an attestation in a block', () => {
  it('A9: is refused with a signature for another chain, another domain, another subject or by another key', async () => {
    const genesisHash = test.chain.reader.genesisHash;
    const refused = /BAD_ATTESTATION: not the signature/;
    const other = keccakHex(Buffer.from('another genesis'));
    expect(await verdict(attestRaw(test, one, { subject: key, root: right(), genesisHash: other }))).toMatch(
      refused,
    );
    const vote = { type: 'prevote' as const, height: asHeight(1), round: asRound(0), blockHash: right() };
    const message = voteSignBytes(genesisHash, vote);
    expect(await verdict(attestRaw(test, one, { subject: key, root: right(), message }))).toMatch(refused);
    const elsewhere = attestationSignBytes(genesisHash, wrong, right());
    expect(await verdict(attestRaw(test, one, { subject: key, root: right(), message: elsewhere }))).toMatch(
      refused,
    );
    expect(await verdict(attestRaw(test, one, { subject: key, root: right(), as: two.address }))).toMatch(
      refused,
    );
  });

  it('B4: is refused for no subject, from a stranger, a second time, and after the subject is settled', async () => {
    const stranger = testValidators(5)[4] as TestValidator;
    expect(await verdict(attestRaw(test, one, { subject: wrong, root: right() }))).toMatch(
      /ATTESTATION_TOO_EARLY: there is no subject/,
    );
    expect(await verdict(say(stranger))).toMatch(
      /BAD_ATTESTATION: .* not in the set of the block that opened/,
    );
    expect(await verdict(say(one), say(one))).toMatch(/transaction 1: BAD_ATTESTATION: .* already/);
    await produceAttestations(test, [say(one)]);
    expect(await verdict(say(one))).toMatch(/BAD_ATTESTATION: .* already/);
    await produceAttestations(test, [say(two), say(three)]);
    expect(await verdict(say(four))).toMatch(/BAD_ATTESTATION: subject .* is attested/);
  });

  it('B1: stands behind evidence and before everything that pays', async () => {
    const payment = signedTransaction({ key: accountKey(1), nonce: 0, to: accountAddress(2), value: 1n });
    expect(await verdict(payment, say(one))).toMatch(
      /transaction 1: BAD_ATTESTATION: attestations come before the transactions that pay/,
    );
    const built = await test.chain.build({
      parentHash: test.chain.head().hash,
      origin: test.origin(),
      attestations: [say(one), say(two)],
      candidates: [test.decode(payment)],
    });
    expect(built.block.transactions).toEqual([say(one), say(two), payment]);
    const { receipts } = await test.commit(built.block.hash);
    expect(receipts[0]).toMatchObject({ type: 0x54, from: one.address, gasUsed: 0n, effectiveGasPrice: 0n });
    expect(built.block.header.gasUsed).toBe(21_000n);
    const names = receipts[1]?.logs.map((log) => interfaceAt(log.address)?.decodeEvent(log)?.name);
    expect(names).toEqual(['Attested']);
  });

  it('is bounded in number', async () => {
    await test.close();
    await begin({ attestation: { ...DEFAULT_PARAMS.attestation, maxPerBlock: 2 } });
    expect(await verdict(say(one), say(two), say(three))).toMatch(
      /transaction 2: BAD_ATTESTATION: more than 2 attestations/,
    );
    const { built } = await produceAttestations(test, [say(one), say(two), say(three)]);
    expect(built.block.transactions).toEqual([say(one), say(two)]);
    expect(built.dropped).toEqual([]);
  });

  it('brings the object in: the same state for who built the block, who checks it, and who traces it', async () => {
    const follower = await openTestChain({ validators, ports });
    try {
      for (let number = 1; number <= test.chain.head().number; number++) {
        expect(await follower.chain.check(test.chain.reader.blockBytes(number)!)).toMatchObject({
          answer: 'valid',
        });
        await follower.commit(test.chain.reader.blockByNumber(number)!.hash);
      }
      expect(await verdict(publication())).toMatch(/ATTESTATION_TOO_EARLY: subject .* is open/);
      const { activationBlocks } = test.genesis.params.attestation;
      for (const attestations of [
        [say(one), say(two, wrong), say(three), say(four)],
        ...Array.from({ length: activationBlocks - 1 }, () => []),
        [publication()],
      ]) {
        const { built, head } = await produceAttestations(test, attestations);
        expect(built.block.transactions).toEqual(attestations);
        expect(await follower.chain.check(built.bytes)).toMatchObject({ answer: 'valid' });
        await follower.commit(built.block.hash);
        expect(follower.chain.head().stateRoot).toBe(head.stateRoot);
      }
      expect(subject(view(), key, test.genesis.params)).toMatchObject({ status: 'active', root: right() });
      expect(contribution(view(), contributionId)).toMatchObject({ status: 'approved' });
      expect(await verdict(publication())).toMatch(/BAD_ATTESTATION: subject .* is active/);
      // The root is what the slot of the record account holds, so that a storage proof proves the object.
      const traces = await createCaller(test.chain.reader, { ports }).traceBlock(test.chain.head().number);
      expect(traces.map(({ receipt }) => receipt.logs.length)).toEqual([3]);
    } finally {
      await follower.close();
    }
  });

  it('B4: two roots of one key cost the bond and the seat, in one block or in two', async () => {
    const { receipts } = (await produceAttestations(test, [say(one), say(one, wrong)])) as {
      receipts: { logs: { address: Hex; topics: Hex[]; data: Uint8Array }[] }[];
    };
    const names = receipts[1]?.logs.map((log) => interfaceAt(log.address)?.decodeEvent(log)?.name);
    expect(names).toEqual(['DoubleAttestation', 'Slashed', 'Jailed']);
    const offender = registered(view(), test.genesis.params).find(({ operator }) => operator === one.address);
    expect(offender).toMatchObject({ jailed: true, power: 0n, bond: (10n * OPEN * 95n) / 100n });
    expect(await verdict(say(one, `0x${'78'.repeat(32)}`))).toMatch(/BAD_ATTESTATION: .* was punished/);
    // Disagreement alone costs nothing.
    await produceAttestations(test, [say(two, wrong), say(three)]);
    expect(
      registered(view(), test.genesis.params)
        .filter(({ operator }) => operator !== one.address)
        .every(({ jailed, bond }) => !jailed && bond === 10n * OPEN),
    ).toBe(true);
  });
});

describe('the encoding of type 0x54', () => {
  it('is read back as it was written, and only in its one form', () => {
    const chainId = test.genesis.params.chainId;
    const raw = say(one);
    expect(attestationOf(raw, chainId)).toMatchObject({ op: 'attest', subject: key, validator: one.address });
    expect(attestationOf(publication(), chainId)).toEqual({ op: 'publish', subject: key, object });
    expect(() => attestationOf(raw, chainId + 1)).toThrow(/WRONG_CHAIN_ID|signed for chain/);
    for (const broken of [
      Uint8Array.of(0x54),
      raw.subarray(0, -1),
      Uint8Array.of(...raw, 0),
      Uint8Array.of(0x54, 0xc0),
      new Uint8Array(200_000).fill(0x54),
    ])
      expect(() => decodeAttestation(broken, chainId)).toThrow(/not an attestation|at most/);
    // Nobody can send one as an ordinary transaction.
    expect(() => decodeTransaction(raw, chainId)).toThrow(/validators make them/);
  });

  it('is frozen', () => {
    const operation = {
      op: 'attest' as const,
      subject: wrong,
      validator: `0x${'11'.repeat(20)}` as Hex,
      root: salt,
      signature: new Uint8Array(96).fill(7),
    };
    expect(toHex(keccak256(encodeAttestation(operation, 20_300)))).toMatchInlineSnapshot(
      `"0x0beb4e7f35a9fc41a7afa42ea067637aad496d883712e39b36cdca90ddf8b5c4"`,
    );
  });
});
