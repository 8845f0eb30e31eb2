/** What the worker does with one task after another. Separate from the thread, so that tests can run it in theirs. */
import { createRecordJudge, type RecordJudge, type RecordVerdict } from '../../attribution/approval/judge.ts';
import { toHex } from '../../state/crypto.ts';
import { approvalOf, encodeApproval, type TaskArtifact } from '../../state/modules/contribution/views.ts';
import { Fault, type Hex } from '../../state/types.ts';
import { describeLeaves, hasArtifact, readArtifact } from '../artifacts/file.ts';
import { LIMITS } from './limits.ts';
import type { ApprovalJob, ObjectAnswer } from './types.ts';

/** What a DataNet holds after some contributions, by the numbers of their commits in the order of approval. */
interface Book {
  readonly applied: number[];
  readonly judge: RecordJudge;
}

/** @throws Fault when the disk fails; AttributionError never for records that a reveal has passed */
export function createWorkerCore(dataDir: string): (task: ApprovalJob) => ObjectAnswer {
  /** By DataNet, in the order of use. */
  const books = new Map<number, Book>();

  /** The book that `before` continues, or an empty one. */
  function bookFor(dataNetId: number, before: readonly TaskArtifact[]): Book {
    const known = books.get(dataNetId);
    const continues =
      known !== undefined &&
      known.applied.length <= before.length &&
      known.applied.every((sequence, i) => before[i]?.commitSequence === sequence);
    const book = continues ? known : { applied: [], judge: createRecordJudge() };
    books.delete(dataNetId);
    books.set(dataNetId, book);
    for (const oldest of books.keys()) {
      if (books.size <= LIMITS.books) break;
      books.delete(oldest);
    }
    return book;
  }

  function judged(book: Book, { artifactRoot, commitSequence, recordCount }: TaskArtifact): RecordVerdict[] {
    const leaves = readArtifact(dataDir, artifactRoot);
    if (leaves.length !== recordCount)
      throw new Fault(`artifact ${artifactRoot} has ${leaves.length} records, the chain says ${recordCount}`);
    const { leafHashes } = describeLeaves(artifactRoot, leaves);
    const records = leaves.map((text, i) => ({ hash: toHex(leafHashes[i] as Uint8Array), text }));
    const verdicts = book.judge.judge({ commitSequence, records });
    book.applied.push(commitSequence);
    return verdicts;
  }

  return ({ contributionId, dataNetId, before, own }) => {
    const book = bookFor(dataNetId, before);
    const rest = before.slice(book.applied.length);
    const missing = [...rest, own]
      .map(({ artifactRoot }) => artifactRoot)
      .filter((root) => !hasArtifact(dataDir, root));
    if (missing.length > 0) return { kind: 'missing', roots: missing.slice(0, LIMITS.missingRoots) };
    let reading: Hex = own.artifactRoot;
    try {
      for (const earlier of rest) {
        reading = earlier.artifactRoot;
        judged(book, earlier);
      }
      reading = own.artifactRoot;
      const verdicts = judged(book, own);
      return {
        kind: 'done',
        object: encodeApproval(approvalOf(contributionId, own.commitSequence, verdicts)),
      };
    } catch (error) {
      // Half a contribution may be in it.
      books.delete(dataNetId);
      const { code } = error as { code?: unknown };
      if (code === 'NOT_FOUND' || code === 'DAMAGED') return { kind: 'missing', roots: [reading] };
      throw error;
    }
  };
}
