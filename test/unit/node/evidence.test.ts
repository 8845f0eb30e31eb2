import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeEvidence } from '../../../consensus/codec.ts';
import { voteEvidence } from '../../../consensus/evidence.ts';
import { asHeight, asRound, type Vote } from '../../../consensus/types.ts';
import { createEvidenceFile } from '../../../node/executor-thread/evidence.ts';
import { LIMITS } from '../../../node/executor-thread/limits.ts';
import { keccakHex } from '../../../state/crypto.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'openledger-evidence-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function evidence(height: number, { round = 0, by = '11' } = {}): Uint8Array {
  const vote = (byte: string): Vote => ({
    type: 'prevote',
    height: asHeight(height),
    round: asRound(round),
    blockHash: `0x${byte.repeat(32)}`,
    validator: `0x${by.repeat(20)}`,
    signature: new Uint8Array(96).fill(9),
  });
  return encodeEvidence(voteEvidence(vote('aa'), vote('bb')));
}

describe('evidence that waits for a block', () => {
  it('is told once, survives a restart and a torn last line, and leaves when a block has it', () => {
    const path = join(dir, 'evidence');
    const told: string[] = [];
    const open = () => createEvidenceFile(path, (level, _message) => told.push(level));
    const first = open();
    first.add(evidence(0));
    first.add(evidence(0));
    first.add(evidence(1));
    expect(told).toEqual(['error', 'error']);
    appendFileSync(path, '0x1234');
    expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(3);

    const again = open();
    const [a, b] = again.pending();
    expect(again.pending()).toHaveLength(2);
    expect(a![0]).toBe(0x7d);
    expect(a!.slice(1)).toEqual(evidence(0));
    again.onCommitted([Uint8Array.of(2, 1), a!]);
    expect(again.pending()).toEqual([b]);
    again.settle(keccakHex(b!));
    expect(again.pending()).toEqual([]);
    again.add(evidence(1));
    expect(again.pending()).toEqual([]);
  });

  it('one offender that contradicts itself without end takes no place from others', () => {
    const file = createEvidenceFile(join(dir, 'evidence'), () => {});
    for (let round = 0; round < 2 * LIMITS.evidence; round++) file.add(evidence(3, { round }));
    expect(file.pending()).toHaveLength(1);
    file.add(evidence(3, { by: '22' }));
    expect(file.pending()).toHaveLength(2);
  });

  it('takes new offences when those before are in blocks', () => {
    const file = createEvidenceFile(join(dir, 'evidence'), () => {});
    for (let height = 1; height <= 2 * LIMITS.evidence; height++) {
      file.add(evidence(height));
      file.onCommitted(file.pending());
    }
    file.add(evidence(1_000));
    expect(file.pending()).toHaveLength(1);
  });
});
