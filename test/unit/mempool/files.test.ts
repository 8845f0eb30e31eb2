import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeBatch, encodeBatches, openJournal, POOL_LIMITS } from '../../../node/mempool/index.ts';

describe('frames of transactions', () => {
  const raws = fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 50 });
  const salt = () => 5;

  it('carry any list through and decode nothing else', () => {
    fc.assert(
      fc.property(raws, (list) => {
        expect(encodeBatches(list, salt).flatMap((frame) => decodeBatch(frame) ?? [])).toEqual(list);
      }),
    );
    fc.assert(
      fc.property(raws, fc.nat(), (list, cut) => {
        const [frame] = encodeBatches(list, salt);
        if (frame === undefined) return;
        const shorter = frame.subarray(0, cut % frame.length);
        const decoded = decodeBatch(shorter);
        // A cut frame is refused, or it is exactly a shorter list.
        if (decoded !== undefined) expect(encodeBatches(decoded, salt)).toEqual([shorter]);
      }),
    );
  });

  it('stay under the limit of a gossip message', () => {
    const list = Array.from({ length: 10 }, () => new Uint8Array(POOL_LIMITS.maxTransactionBytes));
    const frames = encodeBatches(list, salt);
    expect(frames.length).toBe(10);
    for (const frame of frames) expect(frame.length).toBeLessThanOrEqual(POOL_LIMITS.batchBytes);
    const many = Array.from({ length: 5_001 }, () => new Uint8Array([1]));
    expect(encodeBatches(many, salt).map((f) => decodeBatch(f)?.length)).toEqual([2_600, 2_401]);
  });

  it('refuse empty, oversized and lying frames', () => {
    expect(decodeBatch(new Uint8Array())).toBeUndefined();
    expect(decodeBatch(new Uint8Array([1, 0, 0, 0, 0]))).toBeUndefined();
    expect(decodeBatch(new Uint8Array(POOL_LIMITS.batchBytes + 1))).toBeUndefined();
    expect(decodeBatch(new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0, 0]))).toBeUndefined();
    expect(decodeBatch(new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 1, 9]))).toBeUndefined();
    expect(decodeBatch(new Uint8Array([1, 0, 0, 0, 0, 255, 0, 0, 1, 9]))).toBeUndefined();
  });

  it('differ by their salt, so that gossip passes a repeated frame on', () => {
    let n = 0;
    const [a] = encodeBatches([new Uint8Array([1])], () => n++);
    const [b] = encodeBatches([new Uint8Array([1])], () => n++);
    expect(a).not.toEqual(b);
  });
});

describe('the journal', () => {
  let folder: string;
  const quiet = () => {};
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'journal-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const records = [new Uint8Array([1]), new Uint8Array([2, 2]), new Uint8Array(1_000).fill(3)];

  it('gives back what was appended, after reopening too', () => {
    const path = join(folder, 'plain');
    const journal = openJournal(path, quiet);
    journal.append(records.slice(0, 1));
    journal.append(records.slice(1));
    expect(journal.size()).toBe(readFileSync(path).length);
    journal.close();
    const again = openJournal(path, quiet);
    expect(again.load()).toEqual(records);
    again.rewrite(records.slice(2));
    again.append(records.slice(0, 1));
    expect(again.load()).toEqual([records[2], records[0]]);
    again.close();
  });

  it('loses at most the torn record, wherever the tear is', () => {
    const path = join(folder, 'whole');
    const journal = openJournal(path, quiet);
    journal.append(records);
    journal.close();
    const whole = readFileSync(path);
    const ends = [0, 9, 19, whole.length];
    for (let length = 0; length <= whole.length; length += length < 40 ? 1 : 97) {
      const torn = join(folder, 'torn');
      writeFileSync(torn, whole);
      truncateSync(torn, length);
      const opened = openJournal(torn, quiet);
      const complete = ends.filter((end) => end <= length).length - 1;
      expect(opened.load()).toEqual(records.slice(0, complete));
      opened.append([new Uint8Array([9])]);
      expect(opened.load()).toEqual([...records.slice(0, complete), new Uint8Array([9])]);
      opened.close();
    }
  });

  it('says so when bytes were damaged, and keeps what stands before', () => {
    const path = join(folder, 'damaged');
    const lines: string[] = [];
    const journal = openJournal(path, quiet);
    journal.append(records.slice(0, 2));
    journal.close();
    const bytes = readFileSync(path);
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(path, bytes);
    appendFileSync(path, 'tail');
    const again = openJournal(path, (level, message) => lines.push(`${level}: ${message}`));
    expect(again.load()).toEqual(records.slice(0, 1));
    expect(lines).toEqual(['warn: the end of the transaction journal was torn and is cut off']);
    again.close();
  });
});
