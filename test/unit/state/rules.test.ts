import { afterEach, describe, expect, it } from 'vitest';
import { encodeCertificate } from '../../../consensus/codec.ts';
import { revealSignBytes, voteSignBytes } from '../../../consensus/sign-bytes.ts';
import { asHeight, asRound } from '../../../consensus/types.ts';
import { proposerAt } from '../../../consensus/validator-set/rotation.ts';
import { DEFAULT_PARAMS, OPEN } from '../../../genesis/parameters.ts';
import { LIMITS as VALIDATOR_LIMITS } from '../../../node/validator/limits.ts';
import {
  decodeBlock,
  encodeBlock,
  headerHash,
  lastCommitHash,
  requestsHashOf,
} from '../../../state/block/codec.ts';
import { orderedRoot } from '../../../state/block/roots.ts';
import { maxBlockBytes } from '../../../state/block/size.ts';
import { setHash, toValidatorSet } from '../../../state/block/validators.ts';
import { createCaller } from '../../../state/call.ts';
import { concat, fromHex, keccakHex, toHex, ZERO_HASH } from '../../../state/crypto.ts';
import { HISTORY_ADDRESS } from '../../../state/execution/block-run.ts';
import { FULL_STEP_MS, nextBaseFee } from '../../../state/execution/fees.ts';
import { LIMITS } from '../../../state/limits.ts';
import { interfaceList } from '../../../state/modules/interfaces.ts';
import { stakingInterface } from '../../../state/modules/staking/abi.ts';
import type { Block } from '../../../state/types.ts';
import {
  accountAddress,
  accountKey,
  GWEI,
  openTestChain,
  signedTransaction,
  type TestChain,
  testValidators,
  verifier,
  word,
} from './support.ts';

const opened: TestChain[] = [];
async function open(...args: Parameters<typeof openTestChain>): Promise<TestChain> {
  const chain = await openTestChain(...args);
  opened.push(chain);
  return chain;
}
afterEach(async () => {
  for (const chain of opened.splice(0)) await chain.close();
});

const payment = (nonce: number, value = 1n) =>
  signedTransaction({ key: accountKey(0), nonce, to: accountAddress(7), value });

const SMALL_BLOCKS = { ...DEFAULT_PARAMS, block: { ...DEFAULT_PARAMS.block, maxBytes: 65_536 } };

/** The same block with something changed, under a header that hashes what it should. */
function forge(block: Block, change: (copy: Block) => void): Uint8Array {
  const copy: Block = structuredClone(block);
  change(copy);
  copy.header.requestsHash = requestsHashOf(copy.originRound, copy.timestampMs);
  copy.header.parentBeaconBlockRoot = lastCommitHash(copy.lastCommit);
  copy.hash = headerHash(copy.header);
  return encodeBlock(copy);
}

describe('validity of a block', () => {
  it('A1: is the same in whichever round the block is proposed again; coinbase and reveal are those of the origin round', async () => {
    const validators = testValidators(4);
    const chain = await open({ validators });
    const set = toValidatorSet(chain.chain.head().nextValidators);
    const built = await chain.build([payment(0)], { round: 3 });
    expect(built.block.originRound).toBe(3);
    expect(built.block.header.coinbase).toBe(proposerAt(set, asRound(3)).recipient);
    const follower = await open({ validators });
    expect(await follower.chain.check(built.bytes)).toMatchObject({ answer: 'valid' });
    // Claiming another round means another proposer, whose signature and recipient these are not.
    const other = [0, 1, 2].find(
      (round) => proposerAt(set, asRound(round)).address !== proposerAt(set, asRound(3)).address,
    )!;
    const moved = forge(built.block, (copy) => {
      copy.originRound = other;
    });
    expect(await follower.chain.check(moved)).toMatchObject({ answer: 'invalid', code: 'BAD_REVEAL' });
  });

  it('A1: each header field is compared with what the parent and execution give', async () => {
    const chain = await open();
    const { block } = await chain.build([payment(0)]);
    const wrong: Partial<Record<keyof Block['header'], unknown>> = {
      ommersHash: ZERO_HASH,
      coinbase: accountAddress(3),
      stateRoot: ZERO_HASH,
      transactionsRoot: ZERO_HASH,
      receiptsRoot: ZERO_HASH,
      logsBloom: `0x01${'00'.repeat(255)}`,
      gasLimit: block.header.gasLimit + 1n,
      gasUsed: block.header.gasUsed + 1n,
      timestamp: block.header.timestamp + 1,
      extraData: ZERO_HASH,
      prevRandao: ZERO_HASH,
      nonce: '0x0000000000000001',
      baseFeePerGas: block.header.baseFeePerGas + 1n,
      withdrawalsRoot: ZERO_HASH,
    };
    for (const [field, value] of Object.entries(wrong)) {
      const bytes = forge(block, (copy) => Object.assign(copy.header, { [field]: value }));
      const answer = await chain.chain.check(bytes);
      expect(answer, field).toMatchObject({ answer: 'invalid', code: 'WRONG_HEADER' });
      expect((answer as { detail: string }).detail).toContain(field);
    }
    for (const field of ['requestsHash', 'parentBeaconBlockRoot'] as const) {
      const copy = structuredClone(block);
      copy.header[field] = keccakHex(Uint8Array.of(1));
      const answer = await chain.chain.check(encodeBlock(copy));
      expect(answer, field).toMatchObject({ answer: 'invalid', code: 'WRONG_HEADER' });
    }
  });

  it('A1: a block of an unknown parent is unknown, and the parent is named', async () => {
    const ahead = await open();
    await ahead.produce([]);
    const { bytes, block } = await ahead.build([]);
    const behind = await open();
    expect(await behind.chain.check(bytes)).toEqual({
      answer: 'unknown',
      missing: { kind: 'parent', hash: block.header.parentHash },
    });
  });

  it('A1: refuses a transaction that cannot run, and an origin round beyond the limit', async () => {
    const chain = await open();
    const { block } = await chain.build([payment(0)]);
    const twice = forge(block, (copy) => {
      copy.transactions = [payment(1)];
      copy.header.transactionsRoot = orderedRoot(copy.transactions);
    });
    const answer = await chain.chain.check(twice);
    expect(answer).toMatchObject({ answer: 'invalid', code: 'BAD_TRANSACTION' });
    expect((answer as { detail: string }).detail).toContain('NONCE_TOO_HIGH');
    const far = forge(block, (copy) => {
      copy.originRound = 4_000_000_000;
    });
    expect(await chain.chain.check(far)).toMatchObject({ answer: 'invalid', code: 'ROUND_TOO_LARGE' });
  });

  it('A1: the room in a block is halved every eight rounds of its origin, until it holds no transactions', async () => {
    const chain = await open({ params: SMALL_BLOCKS });
    const { maxBytes } = SMALL_BLOCKS.block;
    const large = (nonce: number) =>
      signedTransaction({
        key: accountKey(0),
        nonce,
        to: accountAddress(7),
        gasLimit: 4_000_000n,
        data: new Uint8Array(20_000).fill(1),
      });
    const pending = [large(0), large(1), large(2)];
    const sizes: Record<number, number> = {};
    for (const round of [0, 7, 8, 15, 16, 24, 10_000]) {
      const { block, bytes } = await chain.build(pending, { round });
      sizes[round] = block.transactions.length;
      expect(bytes.length).toBeLessThanOrEqual(maxBlockBytes(maxBytes, round));
      expect(await chain.chain.check(bytes)).toMatchObject({ answer: 'valid' });
    }
    expect(sizes).toEqual({ 0: 3, 7: 3, 8: 1, 15: 1, 16: 0, 24: 0, 10000: 0 });

    const { block } = await chain.build(pending, { round: 7 });
    const late = forge(block, (copy) => {
      copy.originRound = 8;
    });
    expect(await chain.chain.check(late)).toMatchObject({ answer: 'invalid', code: 'TOO_LARGE' });
  });

  it('A1: the log of a height can hold all its valid blocks, with every third proposer making two', () => {
    let bytes = 0;
    for (let round = 0; round <= LIMITS.maxOriginRound; round++) bytes += maxBlockBytes(16 << 20, round);
    expect((bytes * 4) / 3).toBeLessThan(0.75 * VALIDATOR_LIMITS.maxWalBytes);
  });

  it('A5: time never goes back, and several blocks may share a second', async () => {
    const chain = await open();
    const first = await chain.produce([], { afterMs: 400 });
    const second = await chain.produce([], { afterMs: 0 });
    expect(second.block.header.timestamp).toBe(first.block.header.timestamp);
    const { block } = await chain.build([]);
    const back = forge(block, (copy) => {
      copy.timestampMs = second.block.timestampMs - 1;
      copy.header.timestamp = Math.floor(copy.timestampMs / 1000);
    });
    expect(await chain.chain.check(back)).toMatchObject({ answer: 'invalid', code: 'TIMESTAMP_DECREASES' });
  });

  it('A5: no clock judges a block: one from the next century is as valid as one from the last', async () => {
    const chain = await open();
    const century = 100 * 365 * 86_400_000;
    const { bytes } = await chain.build([payment(0)], { afterMs: century });
    expect(await chain.chain.check(bytes)).toMatchObject({ answer: 'valid' });
    const { bytes: past } = await chain.build([payment(0)], { afterMs: 0 });
    expect(await chain.chain.check(past)).toMatchObject({ answer: 'valid' });
  });

  it('remembers that a block is invalid, but never because of bytes that its header does not name', async () => {
    const chain = await open();
    const { block, bytes } = await chain.build([payment(0)]);
    const follower = await open();
    const copy = structuredClone(block);
    copy.reveal[5]! ^= 1;
    expect(await follower.chain.check(encodeBlock(copy))).toMatchObject({ answer: 'invalid' });
    expect(await follower.chain.check(bytes)).toMatchObject({ answer: 'valid' });
    const refused = forge(block, (wrong) => {
      wrong.header.stateRoot = ZERO_HASH;
    });
    const first = await follower.chain.check(refused);
    expect(await follower.chain.check(refused)).toEqual(first);
  });
});

describe('the certificate of the parent', () => {
  it('A2: block 1 carries none and has a zero field; later ones need a quorum of the set that voted', async () => {
    const validators = testValidators(4);
    const chain = await open({ validators });
    const first = await chain.produce([]);
    expect(first.block.lastCommit).toBeNull();
    expect(first.block.header.parentBeaconBlockRoot).toBe(ZERO_HASH);
    const { block } = await chain.build([]);
    expect(block.header.parentBeaconBlockRoot).toBe(lastCommitHash(block.lastCommit));
    const cases: [string, (copy: Block) => void][] = [
      [
        'there is none',
        (copy) => {
          copy.lastCommit = null;
        },
      ],
      [
        'BITMAP_NOT_CANONICAL',
        (copy) => {
          copy.lastCommit!.bitmap[0]! |= 0x80;
        },
      ],
      [
        'NO_QUORUM',
        (copy) => {
          copy.lastCommit!.bitmap[0] = 0b0011;
        },
      ],
      [
        'WRONG_SIGNATURE',
        (copy) => {
          copy.lastCommit!.round = 1;
        },
      ],
      [
        'WRONG_SIGNATURE',
        (copy) => {
          copy.lastCommit!.bitmap[0] = 0b0111;
        },
      ],
    ];
    for (const [reason, change] of cases)
      expect(await chain.chain.check(forge(block, change))).toEqual({
        answer: 'invalid',
        code: 'BAD_LAST_COMMIT',
        detail: reason,
      });
  });

  it('A2: any valid certificate of the parent will do, not only the one this node stored', async () => {
    const validators = testValidators(4);
    const chain = await open({ validators });
    const { block: first } = await chain.produce([]);
    const full = chain.certificate(1, first.hash);
    // Three of four signers: another aggregate and another bitmap.
    const set = toValidatorSet(chain.chain.reader.validators(1)!);
    const message = voteSignBytes(chain.chain.reader.genesisHash, {
      type: 'precommit',
      height: asHeight(1),
      round: asRound(0),
      blockHash: first.hash,
    });
    const signatures = set.validators.slice(0, 3).map((v) =>
      validators
        .find((t) => t.address === v.address)!
        .secret.sign(message)
        .toBytes(),
    );
    const fewer = {
      round: asRound(0),
      bitmap: Uint8Array.of(0b0111),
      signature: verifier.aggregate(signatures),
    };
    expect(fewer.signature).not.toEqual(full.signature);
    const usual = await chain.build([]);
    const built = await chain.chain.build({
      parentHash: first.hash,
      origin: { ...chain.origin(), lastCommit: fewer },
      candidates: [],
    });
    // A3: choosing among certificates chooses no randomness.
    expect(built.block.header.prevRandao).toBe(usual.block.header.prevRandao);
    const follower = await open({ validators });
    await follower.chain.check(chain.chain.reader.blockBytes(1)!);
    await follower.commit(first.hash);
    expect(await follower.chain.check(built.bytes)).toMatchObject({ answer: 'valid' });
  });

  it('A4: certificate hashes of past blocks are answered by number from the staking module', async () => {
    const chain = await open();
    await chain.produce([]);
    const second = await chain.produce([]);
    await chain.produce([]);
    const caller = createCaller(chain.chain.reader);
    const data = stakingInterface.encodeCall('certificateHash', [1n]);
    const answer = await caller.call({ to: stakingInterface.address, data }, 3);
    expect(toHex(answer.returnData)).toBe(second.block.header.parentBeaconBlockRoot);
  });
});

describe('the beacon roots contract of Ethereum', () => {
  const BEACON_ROOTS = '0x000f3df6d732807ef1319fb7b8bb8522d0beac02';
  /** Writes the first word of its calldata where EIP-4788 would. */
  const KEEPS_WORD = '0x5f355f5500';

  it('A4: is never called by the chain, even where a genesis file puts code at its address', async () => {
    const chain = await open({
      alloc: { [BEACON_ROOTS]: { balance: 0n, nonce: 1n, code: KEEPS_WORD } },
    });
    await chain.produce([]);
    const { block } = await chain.produce([]);
    expect(block.header.parentBeaconBlockRoot).not.toBe(ZERO_HASH);
    const view = chain.chain.reader.stateAt(2);
    expect(view.storage(BEACON_ROOTS, word(0))).toEqual(word(0));
    // The contract would have kept what it was called with.
    await chain.produce([
      signedTransaction({
        key: accountKey(0),
        nonce: 0,
        to: BEACON_ROOTS,
        data: word(7),
        gasLimit: 100_000n,
      }),
    ]);
    expect(chain.chain.reader.stateAt(3).storage(BEACON_ROOTS, word(0))).toEqual(word(7));
  });
});

describe('randomness and sets', () => {
  it("A3: prevRandao is the hash of the parent's and the origin proposer's reveal", async () => {
    const chain = await open();
    const { block } = await chain.produce([]);
    const parent = chain.chain.reader.blockByNumber(0)!;
    expect(block.header.prevRandao).toBe(keccakHex(concat(fromHex(parent.header.prevRandao), block.reveal)));
    const message = revealSignBytes(chain.chain.reader.genesisHash, asHeight(1));
    expect(verifier.verify(message, chain.validators[0]!.secret.toPublicKey().toBytes(), block.reveal)).toBe(
      true,
    );
  });

  it('A3: a proposer can withhold its reveal, not choose it: another one is refused, whatever the header says', async () => {
    const validators = testValidators(4);
    const chain = await open({ validators });
    await chain.produce([]);
    const { block } = await chain.build([]);
    const { genesisHash } = chain.chain.reader;
    const proposer = proposerAt(toValidatorSet(chain.chain.head().nextValidators), asRound(0));
    const secretOf = (address: string) => validators.find((one) => one.address === address)!.secret;
    const someoneElse = validators.find(({ address }) => address !== proposer.address)!.address;
    const reveals = {
      'of another validator': secretOf(someoneElse).sign(revealSignBytes(genesisHash, asHeight(2))),
      'of another height': secretOf(proposer.address).sign(revealSignBytes(genesisHash, asHeight(3))),
      'of another chain': secretOf(proposer.address).sign(revealSignBytes(ZERO_HASH, asHeight(2))),
    };
    const parent = chain.chain.reader.blockByNumber(1)!;
    for (const [whose, signature] of Object.entries(reveals)) {
      const bytes = forge(block, (copy) => {
        copy.reveal = signature.toBytes();
        copy.header.prevRandao = keccakHex(concat(fromHex(parent.header.prevRandao), copy.reveal));
      });
      expect(await chain.chain.check(bytes), whose).toMatchObject({ answer: 'invalid', code: 'BAD_REVEAL' });
    }
  });

  it('A6: extraData is the hash of the next set, and priorities in state move every block', async () => {
    const chain = await open({ validators: testValidators(3) });
    let before = chain.chain.head();
    for (let i = 0; i < 3; i++) {
      const { block, head } = await chain.produce([]);
      expect(block.header.extraData).toBe(setHash(before.afterNextValidators));
      expect(block.header.extraData).toBe(setHash(head.nextValidators));
      expect(head.nextValidators).toEqual(before.afterNextValidators);
      expect(setHash(head.afterNextValidators)).not.toBe(setHash(head.nextValidators));
      before = head;
    }
    expect(chain.chain.reader.validators(4)).toEqual(before.nextValidators);
  });

  it('keeps the hashes of earlier blocks where EIP-2935 has them', async () => {
    const chain = await open();
    await chain.produce([]);
    const second = await chain.produce([]);
    const answer = await createCaller(chain.chain.reader).call({ to: HISTORY_ADDRESS, data: word(1) }, 2);
    expect(toHex(answer.returnData)).toBe(second.block.header.parentHash);
  });
});

describe('accounts of modules', () => {
  it('E1: have nonce 1 and code 0xfe, so that Solidity sees a contract and nobody can run or replace it', async () => {
    const chain = await open();
    const view = chain.chain.reader.stateAt(0);
    for (const { address } of interfaceList) {
      expect(view.account(address)?.nonce, address).toBe(1n);
      expect(toHex(view.code(address)), address).toBe('0xfe');
    }
    // A transaction from one is impossible; one to it runs the module, never the code.
    const caller = createCaller(chain.chain.reader);
    const data = stakingInterface.encodeCall('certificateHash', [0n]);
    expect((await caller.call({ to: stakingInterface.address, data }, 0)).error?.kind).not.toBe(
      'invalid opcode',
    );
  });
});

describe('the base fee', () => {
  const full = { number: 5, gasUsed: 30_000_000n, gasLimit: 30_000_000n, timestampMs: 1_000_000 };
  const params = { ...DEFAULT_PARAMS.block, minBaseFeePerGas: 1000n };

  it('A10: five full blocks a second for ten seconds do not even double it', () => {
    let baseFeePerGas = GWEI;
    let timestampMs = full.timestampMs;
    for (let i = 0; i < 50; i++) {
      const next = nextBaseFee({ ...full, baseFeePerGas, timestampMs }, timestampMs + 200, params);
      expect(next - baseFeePerGas).toBeLessThanOrEqual((baseFeePerGas * 200n) / (8n * FULL_STEP_MS));
      baseFeePerGas = next;
      timestampMs += 200;
    }
    // 50 steps of 1/80: (81/80)^50 is 1.861.
    expect(baseFeePerGas).toBeGreaterThan((GWEI * 186n) / 100n);
    expect(baseFeePerGas).toBeLessThan((GWEI * 187n) / 100n);
  });

  it('A10: moves an eighth at most however long the pause, not at all in no time, and stays above the minimum', () => {
    const parent = { ...full, baseFeePerGas: GWEI };
    const at = (afterMs: number, gasUsed = parent.gasUsed) =>
      nextBaseFee({ ...parent, gasUsed }, parent.timestampMs + afterMs, params);
    expect(at(2_000)).toBe((GWEI * 9n) / 8n);
    expect(at(1_000_000)).toBe((GWEI * 9n) / 8n);
    expect(at(0)).toBe(GWEI);
    expect(at(2_000, 0n)).toBe((GWEI * 7n) / 8n);
    expect(at(2_000, 15_000_000n)).toBe(GWEI);
    expect(
      nextBaseFee({ ...parent, gasUsed: 0n, baseFeePerGas: 1000n }, parent.timestampMs + 2_000, params),
    ).toBe(1000n);
  });

  it('A10: the header carries it', async () => {
    const chain = await open();
    const first = await chain.produce([]);
    expect(first.block.header.baseFeePerGas).toBe(DEFAULT_PARAMS.block.initialBaseFeePerGas);
    const second = await chain.produce([], { afterMs: 1_000 });
    // An empty block, half the time of a whole step: a sixteenth down.
    expect(second.block.header.baseFeePerGas).toBe((first.block.header.baseFeePerGas * 15n) / 16n);
  });
});

describe('building', () => {
  it('skips what does not fit, drops what can never follow, and says why', async () => {
    const chain = await open({
      params: { block: { ...DEFAULT_PARAMS.block, gasLimit: 50_000n } },
    });
    await chain.produce([payment(0)]);
    const used = payment(0, 5n);
    const poor = signedTransaction({ key: accountKey(40), nonce: 0, to: accountAddress(1), value: OPEN });
    const big = signedTransaction({ key: accountKey(1), nonce: 0, to: accountAddress(1), gasLimit: 60_000n });
    const future = signedTransaction({ key: accountKey(2), nonce: 9, to: accountAddress(1) });
    const good = [payment(1), signedTransaction({ key: accountKey(3), nonce: 0, to: accountAddress(1) })];
    const built = await chain.build([used, poor, big, future, ...good]);
    expect(built.block.transactions.map(toHex)).toEqual(good.map(toHex));
    expect(built.dropped.map(({ hash }) => hash)).toEqual([used, poor].map((raw) => chain.decode(raw).hash));
    expect(built.dropped[0]!.reason).toMatch(/nonce too low/);
    expect(built.dropped[1]!.reason).toMatch(/insufficient funds/);
  });

  it('ends a block at its byte limit', async () => {
    const chain = await open({ params: { block: { ...DEFAULT_PARAMS.block, maxBytes: 3_000 } } });
    const raws = Array.from({ length: 20 }, (_, i) => payment(i));
    const built = await chain.build(raws);
    expect(built.bytes.length).toBeLessThanOrEqual(3_000);
    expect(built.block.transactions.length).toBeGreaterThan(3);
    expect(built.block.transactions.length).toBeLessThan(20);
  });

  it('round-trips its bytes, and other bytes are refused', async () => {
    const chain = await open();
    await chain.produce([]);
    const { block, bytes } = await chain.build([payment(0)]);
    expect(decodeBlock(bytes)).toEqual(block);
    expect(encodeBlock(decodeBlock(bytes))).toEqual(bytes);
    for (const wrong of [bytes.slice(0, -1), concat(bytes, Uint8Array.of(0)), new Uint8Array(0)])
      expect(await chain.chain.check(wrong)).toMatchObject({ answer: 'invalid', code: 'MALFORMED' });
    expect(await chain.chain.check(new Uint8Array(DEFAULT_PARAMS.block.maxBytes + 1))).toMatchObject({
      code: 'TOO_LARGE',
    });
  });

  it('refuses a body of more transactions than any block can have before it looks at them', async () => {
    const chain = await open();
    const { block } = await chain.build([]);
    const rubbish = (count: number) =>
      chain.chain.check(encodeBlock({ ...block, transactions: Array(count).fill(Uint8Array.of(1)) }));
    expect(await rubbish(LIMITS.maxBlockTransactions + 1)).toMatchObject({ code: 'MALFORMED' });
    expect(await rubbish(1_000_000)).toMatchObject({ code: 'MALFORMED' });
    expect(await chain.chain.check(encodeBlock(block))).toMatchObject({ answer: 'valid' });
  });

  it('lets two children of one head compete; committing one forgets the other', async () => {
    const chain = await open();
    const left = await chain.build([payment(0, 1n)]);
    const right = await chain.build([payment(0, 2n)]);
    expect(left.block.hash).not.toBe(right.block.hash);
    const certificate = encodeCertificate(chain.certificate(1, right.block.hash));
    const committed = await chain.chain.commit(right.block.hash, certificate);
    expect(committed.head.hash).toBe(right.block.hash);
    expect(chain.chain.reader.stateAt(1).account(accountAddress(7))?.balance).toBe(2n);
    expect(chain.chain.reader.certificate(1)).toEqual(certificate);
    await expect(chain.chain.commit(left.block.hash, certificate)).rejects.toMatchObject({
      code: 'UNKNOWN_BLOCK',
    });
    expect(await chain.chain.check(left.bytes)).toMatchObject({ answer: 'unknown' });
    expect(await chain.chain.check(right.bytes)).toMatchObject({ answer: 'valid' });
  });
});
