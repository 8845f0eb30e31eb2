/** Blocks in which names of the indexes occur, in order, without holding more than a few postings of each. */
import type { Hex, Posting, PostingReader } from '../state/types.ts';

export interface Name {
  readonly list: number;
  readonly name: Hex;
}

export interface Stop {
  readonly block: number;
  /** Positions of each name, in the order of the names. */
  readonly positions: readonly (readonly number[])[];
}

/** Postings of a name read at once: a page and a bit. */
const READ = 64;

/** Each block from `from` to `to` with at least one of the names, once. */
export async function* walk(
  postings: PostingReader,
  names: readonly Name[],
  from: number,
  to: number,
  newestFirst: boolean,
): AsyncGenerator<Stop> {
  const cursors = names.map((name) => createCursor(postings, name, from, to, newestFirst));
  for (;;) {
    const heads: (Posting | undefined)[] = [];
    for (const cursor of cursors) heads.push(await cursor.peek());
    const blocks = heads.flatMap((head) => (head === undefined ? [] : [head.block]));
    if (blocks.length === 0) return;
    const block = newestFirst ? Math.max(...blocks) : Math.min(...blocks);
    const positions = heads.map((head, i) => {
      if (head?.block !== block) return [];
      cursors[i]!.take();
      return head.positions;
    });
    yield { block, positions };
  }
}

function createCursor(
  postings: PostingReader,
  { list, name }: Name,
  from: number,
  to: number,
  newestFirst: boolean,
): { peek(): Promise<Posting | undefined>; take(): void } {
  let [low, high] = [from, to];
  let buffer: Posting[] = [];
  let at = 0;
  let isDone = false;
  return {
    async peek() {
      if (at === buffer.length && !isDone) {
        buffer = await postings.range(list, name, low, high, { limit: READ, newestFirst });
        at = 0;
        isDone = buffer.length < READ;
        const last = buffer.at(-1);
        if (last !== undefined && newestFirst) high = last.block - 1;
        else if (last !== undefined) low = last.block + 1;
      }
      return buffer[at];
    },
    take() {
      at += 1;
    },
  };
}
