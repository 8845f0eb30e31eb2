import { createHash } from 'node:crypto';
import type { CorpusRecord } from '../../../../attribution/corpus/corpus.ts';
import { uniqueRecords, words } from '../oracle.ts';

/** The root as docs/proofs.md says it, from all phrases one by one: slow, and written without a look at the fast one. */
export function oracleRoot(source: CorpusRecord[]): string {
  const records = uniqueRecords(source);
  const texts = records.map((record) => words(record.bytes));
  const keys = new Map<string, Buffer>(texts.flat().map((word) => [word, keyOf(word)]));
  const sorted = [...keys].sort(([, a], [, b]) => Buffer.compare(a, b)).map(([word]) => word);
  const idOf = new Map(sorted.map((word, id) => [word, id]));
  const starts = texts.map((_, rank) => texts.slice(0, rank).reduce((sum, text) => sum + text.length + 1, 0));

  // Every phrase with the places at which it starts; those with the same places are one node.
  const places = new Map<string, { ids: number[]; at: [number, number][] }>();
  texts.forEach((text, rank) => {
    text.forEach((_, from) => {
      for (let to = from + 1; to <= text.length; to++) {
        const ids = text.slice(from, to).map((word) => idOf.get(word)!);
        const found = places.get(ids.join()) ?? { ids, at: [] };
        places.set(ids.join(), found);
        found.at.push([rank, from]);
      }
    });
  });
  const classes = new Map<string, { ids: number[]; at: [number, number][] }[]>();
  for (const phrase of places.values()) {
    const key = phrase.at.join(' ');
    classes.set(key, [...(classes.get(key) ?? []), phrase]);
  }
  const nodes = [...classes.values()]
    .map((phrases) => {
      const byLength = phrases.sort((a, b) => a.ids.length - b.ids.length);
      return { shortest: byLength[0]!, longest: byLength[byLength.length - 1]! };
    })
    .sort((a, b) => compare(a.shortest.ids, b.shortest.ids));

  const all = texts.flat().length;
  const least = all === 0 ? 0 : 2 ** Math.floor(Math.log2(all));
  const oldest = texts.filter((_, i) => texts.slice(0, i).flat().length < least).flat();
  const dictionary = sorted.map((word) => {
    const count = texts.flat().filter((other) => other === word).length;
    const old = oldest.filter((other) => other === word).length;
    return Buffer.concat([leb(keys.get(word)!.length), keys.get(word)!, leb(count), leb(old)]);
  });
  const pages = groups(nodes, 4).map((page) =>
    Buffer.concat(
      page.map(({ shortest, longest }, i) => {
        const label = longest.ids.slice(0, 16);
        const before = page[i - 1];
        const labelBefore = before === undefined ? [] : before.longest.ids.slice(0, 16);
        let shared = 0;
        while (shared < label.length && label[shared] === labelBefore[shared]) shared++;
        const [rank, offset] = longest.at[0]!;
        const { orderKey, dataNetId, contributor } = records[rank]!;
        const isSame = before !== undefined && before.longest.at[0]![0] === rank;
        const record = [
          ...[starts[rank]!, texts[rank]!.length, orderKey, dataNetId].map(leb),
          hex(contributor),
        ];
        const parentDepth = shortest.ids.length - 1;
        return Buffer.concat([
          ...[shared, parentDepth, longest.ids.length - parentDepth - 1, longest.at.length].map(leb),
          ...[...label.slice(shared), rank].map(leb),
          ...(isSame ? [] : record),
          leb(offset),
        ]);
      }),
    ),
  );
  const symbols = texts.flatMap((text) => [...text.map((word) => idOf.get(word)! + 1), 0]);
  const chunks = groups(symbols, 32).map((chunk) => Buffer.concat(chunk.map(leb)));
  const numbers = [all, sorted.length, oldest.length, new Set(oldest).size, records.length, nodes.length];
  const sizes = numbers.map((size) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt(size));
    return bytes;
  });
  const roots = [treeRoot(0x10, dictionary), treeRoot(0x12, pages), treeRoot(0x11, chunks)];
  return sha(0x02, Buffer.from('OpenLedger attribution root 2'), ...sizes, ...roots).toString('hex');
}

function keyOf(word: string): Buffer {
  const bytes = Buffer.from(word);
  if (bytes.length <= 32) return bytes;
  return Buffer.concat([Buffer.of(0xff), createHash('sha256').update(bytes).digest()]);
}

function compare(a: number[], b: number[]): number {
  const differs = a.findIndex((id, i) => id !== b[i]);
  if (differs < 0) return a.length - b.length;
  return differs < b.length ? a[differs]! - b[differs]! : 1;
}

function treeRoot(tag: number, leaves: Buffer[]): Buffer {
  if (leaves.length === 0) return sha(0x03);
  let level = leaves.map((leaf) => sha(tag, leaf));
  while (level.length > 1)
    level = groups(level, 2).map(([left, right]) => (right === undefined ? left! : sha(0x01, left!, right)));
  return level[0]!;
}

function groups<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
}

function leb(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = BigInt(value); bytes.length === 0 || rest > 0n; rest >>= 7n)
    bytes.push(Number(rest & 127n) + (rest > 127n ? 128 : 0));
  return Buffer.from(bytes);
}

function hex(address: string): Buffer {
  return Buffer.from(address.slice(2), 'hex');
}

function sha(tag: number, ...parts: Buffer[]): Buffer {
  return createHash('sha256')
    .update(Buffer.concat([Buffer.of(tag), ...parts]))
    .digest();
}
