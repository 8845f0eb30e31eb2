/**
 * Proofs about the texts of pinned snapshots, in a thread of their own: committing to ten million tokens takes a minute,
 * and no block may wait behind that.
 */
import { MAX_COMMITTED_TOKENS } from '../../attribution/proofs/api.ts';
import type { ChainParams } from '../../genesis/types.ts';
import type { AttributionProofView } from '../../rpc/backend.ts';
import { toHex } from '../../state/crypto.ts';
import { type AttributionJob, Fault, type Hex, type SequenceEntry, Unavailable } from '../../state/types.ts';
import type { Committer } from '../attestation-worker/client.ts';
import { AttributionPoolError, createAttributionPool, type SnapshotInfo } from '../attribution-pool/index.ts';
import type { ArtifactPort } from './artifact-port.ts';
import { contributions, tokenParams } from './corpus-source.ts';
import { LIMITS } from './limits.ts';

/** A snapshot of one DataNet, which is append-only: its length says its content. */
export interface ProvenSnapshot {
  readonly dataNetId: number;
  readonly length: number;
}

export type ProofQuestion =
  | { readonly kind: 'phrase'; readonly phrase: readonly Uint8Array[] }
  | { readonly kind: 'credits'; readonly job: AttributionJob };

export interface ProofService extends Committer {
  /**
   * @throws ProofRefused 'BUSY' for too many at once, 'PREPARING' while the snapshots are committed to, 'UNAVAILABLE' for
   *   an artifact that is not here, 'NOT_BY_TEXT' for credits that do not follow from texts alone; AttributionError 'ProofTooLarge', 'InvalidParameter'; Fault
   */
  prove(
    snapshots: readonly ProvenSnapshot[],
    sequence: readonly SequenceEntry[],
    question: ProofQuestion,
  ): Promise<AttributionProofView>;
  /** For validators: waits as long as it takes, and does not count as a question. */
  commit: Committer['commit'];
  close(): Promise<void>;
}

export type ProofRefusal = 'BUSY' | 'PREPARING' | 'UNAVAILABLE' | 'NOT_BY_TEXT';

export class ProofRefused extends Error {
  override name = 'ProofRefused';
  readonly code: ProofRefusal;
  constructor(code: ProofRefusal, message: string) {
    super(message);
    this.code = code;
  }
}

export interface ProofOptions {
  dataDir: string;
  params: ChainParams;
  artifacts: ArtifactPort;
  setTimer: (delayMs: number, run: () => void) => () => void;
}

export function createProofService({ dataDir, params, artifacts, setTimer }: ProofOptions): ProofService {
  const pool = createAttributionPool({
    purpose: 'proofs',
    maxSnapshots: LIMITS.provenSnapshots,
    maxLoad: MAX_COMMITTED_TOKENS,
  });
  let running = 0;
  /** Snapshots that cannot be committed to, with the reason: reading them again would change nothing. */
  const refused = new Map<string, Error>();

  async function ready(key: string, sequence: readonly SequenceEntry[]): Promise<void> {
    const known = refused.get(key);
    if (known !== undefined) throw known;
    const [missing] = missingOf(key, sequence);
    if (missing !== undefined) throw new ProofRefused('UNAVAILABLE', `artifact ${missing} is not here yet`);
    await within(LIMITS.proofPatienceMs, build(key, sequence));
  }

  /** Artifacts that a commitment needs and that are not here. */
  function missingOf(key: string, sequence: readonly SequenceEntry[]): Hex[] {
    if (pool.hasSnapshot(key)) return [];
    return sequence.map(({ artifactRoot }) => artifactRoot).filter((root) => !artifacts.isHere(root));
  }

  function build(key: string, sequence: readonly SequenceEntry[]): Promise<SnapshotInfo> {
    const building = pool.ensureSnapshot(key, () => contributions(dataDir, sequence));
    building.catch((error: unknown) => {
      if (!isTooLarge(error)) return;
      refused.set(key, error);
      for (const oldest of refused.keys()) {
        if (refused.size <= LIMITS.refusedSnapshots) break;
        refused.delete(oldest);
      }
    });
    return building;
  }

  async function commit(
    snapshots: readonly ProvenSnapshot[],
    sequence: readonly SequenceEntry[],
  ): ReturnType<Committer['commit']> {
    const key = keyOf(snapshots);
    const roots = missingOf(key, sequence);
    if (roots.length > 0) return { outcome: 'missing', roots };
    try {
      const { commitment } = await build(key, sequence);
      if (commitment === undefined) throw new Fault('the thread of proofs gave no commitment');
      const { tokens, types, records, nodes } = commitment.sizes;
      return { outcome: 'committed', root: toHex(commitment.root), tokens, types, records, nodes };
    } catch (error) {
      if (isTooLarge(error)) return { outcome: 'refused', refusal: 'tooLarge' };
      if (error instanceof Unavailable && error.missing.kind === 'artifact')
        return { outcome: 'missing', roots: [error.missing.root] };
      throw error;
    }
  }

  function within(patienceMs: number, work: Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const cancel = setTimer(patienceMs, () =>
        reject(
          new ProofRefused(
            'PREPARING',
            'the proofs of this snapshot are being prepared; ask again in a minute',
          ),
        ),
      );
      work.then(resolve, reject).finally(cancel);
    });
  }

  async function answer(
    key: string,
    snapshots: readonly ProvenSnapshot[],
    question: ProofQuestion,
  ): Promise<AttributionProofView> {
    const pins = snapshots.map(({ dataNetId, length }) => ({ dataNetId, length }));
    if (question.kind === 'phrase') {
      const proof = await pool.provePhrase({ snapshot: key, phrase: question.phrase });
      return { kind: 'phrase', snapshots: pins, ...proof };
    }
    const inputs = inputsOf(question.job, params);
    const proof = await pool.proveCredits({ snapshot: key, inputs });
    return { kind: 'credits', snapshots: pins, inputs, ...proof };
  }

  return {
    async prove(snapshots, sequence, question) {
      if (question.kind === 'credits' && question.job.engine !== 'token')
        throw new ProofRefused(
          'NOT_BY_TEXT',
          `this answer is attributed by ${question.job.engine}; its record in the state says whom it credits`,
        );
      if (running >= LIMITS.proofsRunning)
        throw new ProofRefused('BUSY', `${LIMITS.proofsRunning} proofs are being made; try again`);
      running += 1;
      try {
        const key = keyOf(snapshots);
        await ready(key, sequence);
        return await answer(key, snapshots, question);
      } catch (error) {
        // Other questions pushed this snapshot out between the two steps.
        if (error instanceof AttributionPoolError && error.code === 'UnknownSnapshot')
          throw new ProofRefused('BUSY', 'too many snapshots are asked for at once; try again');
        throw error;
      } finally {
        running -= 1;
      }
    },
    commit,
    close: () => pool.close(),
  };
}

function keyOf(snapshots: readonly ProvenSnapshot[]): string {
  return snapshots
    .map(({ dataNetId, length }) => `${dataNetId}:${length}`)
    .sort()
    .join(' ');
}

/** The same on every node: it depends on the texts alone. */
function isTooLarge(error: unknown): error is Error {
  return error instanceof Error && (error as { code?: unknown }).code === 'ProofTooLarge';
}

function inputsOf({ requestHash, prompt, output, ineligible }: AttributionJob, params: ChainParams) {
  const { commons } = params.attribution;
  return { requestHash, prompt, output, params: tokenParams(params), commons, ineligible };
}
