/** A signature of this node's key that its record does not know makes the key rest. */
import { describe, expect, it } from 'vitest';
import { asHeight, asRound, type CommitCertificate, type Height } from '../../../consensus/types.ts';
import { createValidatorSet } from '../../../consensus/validator-set/set.ts';
import type { LastSigned } from '../../../consensus/wal/last-signed.ts';
import { createOwnSignatures } from '../../../node/validator/own-signatures.ts';
import type { App, Signer } from '../../../node/validator/ports.ts';
import type { SigningGuard } from '../../../node/validator/signing.ts';

const address = (byte: string) => `0x${byte.repeat(20)}` as const;
const set = createValidatorSet(
  ['0a', '0b', '0c'].map((byte, i) => ({
    address: address(byte),
    blsPublicKey: new Uint8Array(48).fill(i + 1),
    power: 1n,
    recipient: address(byte),
    priority: 0n,
  })),
);

/** Certificate of `height` and `round` by the members whose bits are set. */
const certificate = (height: number, round: number, bits: number): CommitCertificate => ({
  height: asHeight(height),
  round: asRound(round),
  blockHash: `0x${'11'.repeat(32)}`,
  bitmap: Uint8Array.of(bits),
  signature: new Uint8Array(96),
});

function watch(options: { last?: LastSigned; checkHeight?: number; stored?: CommitCertificate[] }) {
  const lines: string[] = [];
  const stored = options.stored ?? [];
  const app = {
    head: () => ({ height: asHeight(stored.length) }),
    getBlock: async (height: Height) => ({ certificate: stored[height - 1] }),
    validatorsAt: async () => set,
  } as unknown as App;
  const own = createOwnSignatures({
    app,
    signer: { address: address('0b') } as Signer,
    guard: { last: () => options.last } as SigningGuard,
    checkHeight: options.checkHeight ?? 3,
    log: (_level, message) => void lines.push(message),
  });
  return { own, lines };
}
const signedAt = (height: number, round: number): LastSigned => ({
  height: asHeight(height),
  round: asRound(round),
  step: 3,
  loggedBefore: 1,
  message: new Uint8Array(1),
});

describe('a key', () => {
  it('rests for the set number of blocks after one that it signed elsewhere, and says so once', () => {
    const { own, lines } = watch({ last: signedAt(5, 0) });
    own.saw(certificate(8, 0, 0b010), set);
    expect([9, 10, 11, 12].map((height) => own.mustRest(asHeight(height)))).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^KEY_USED_ELSEWHERE: block 8 /);
  });

  it('does not rest for signatures that its record covers, or that are of others', () => {
    const { own, lines } = watch({ last: signedAt(8, 1) });
    own.saw(certificate(7, 4, 0b010), set);
    own.saw(certificate(8, 1, 0b010), set);
    own.saw(certificate(9, 0, 0b101), set);
    expect(own.mustRest(asHeight(10))).toBe(false);
    // A later round of the same height is another vote.
    own.saw(certificate(8, 2, 0b010), set);
    expect(own.mustRest(asHeight(10))).toBe(true);
    expect(lines).toHaveLength(1);
  });

  it('without a record rests after any signature of the last stored blocks, not of older ones', async () => {
    const blocks = (own: number) =>
      [1, 2, 3, 4, 5, 6].map((height) => certificate(height, 0, height === own ? 0b111 : 0b101));
    for (const [signed, rests] of [
      [2, false],
      [5, true],
    ] as const) {
      const { own } = watch({ stored: blocks(signed), checkHeight: 3 });
      await own.look();
      expect(own.mustRest(asHeight(7)), String(signed)).toBe(rests);
    }
  });

  it('is not watched where the operator said so', () => {
    const { own } = watch({ checkHeight: 0 });
    own.saw(certificate(8, 0, 0b010), set);
    expect(own.mustRest(asHeight(9))).toBe(false);
  });
});
