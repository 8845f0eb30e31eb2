/** Files of `attribution prove`: read, checked without a node, and said in words. */
import { AttributionError } from '../../attribution/api.ts';
import {
  type AnswerInputs,
  type PhraseStatement,
  type ProvenCredits,
  type ProvenSnapshot,
  verifyCreditsProof,
  verifyPhraseProof,
} from '../../attribution/proofs/verifier.ts';
import { PROOF_FORMAT, statementJson } from '../../rpc/attribution-proof.ts';
import { UserError } from '../config/errors.ts';
import { checksumAddress, fromHex } from '../keys/hex.ts';
import { printable } from './output.ts';

/** What a file proves about the corpus behind `root`. */
export type VerifiedProof = { readonly root: string; readonly snapshots: readonly ProvenSnapshot[] } & (
  | { readonly kind: 'phrase'; readonly statement: PhraseStatement }
  | { readonly kind: 'credits'; readonly inputs: AnswerInputs; readonly credits: ProvenCredits }
);

/**
 * Checks the proof in a file, and that the file says of it what it proves.
 * @throws UserError PROOF_FILE for a file that is none, PROOF_INVALID for a proof that does not hold
 */
export function verifyProofFile(text: string): VerifiedProof {
  const file = parsed(text);
  try {
    const root = textOf(file, 'root');
    const proof = bytesOf(file, 'proof');
    const snapshots = snapshotsOf(file);
    if (file['kind'] === 'phrase') {
      const statement = verifyPhraseProof(bytesOf(file, 'root'), proof);
      expectSame(file['statement'], statementJson(statement), 'statement');
      return { kind: 'phrase', root, snapshots, statement };
    }
    const given = file['inputs'] as Record<string, unknown>;
    const inputs = {
      ...given,
      prompt: bytesOf(given, 'prompt'),
      output: bytesOf(given, 'output'),
    } as unknown as AnswerInputs;
    const credits = verifyCreditsProof(bytesOf(file, 'root'), inputs, proof);
    expectSame(file['recordHash'], credits.recordHash, 'recordHash');
    expectSame(file['uncovered'], credits.record.uncovered, 'uncovered');
    expectSame(file['spans'], credits.spans, 'spans');
    const shares = credits.record.credits.map(({ contributor, credit }) => ({ contributor, parts: credit }));
    expectSame(file['credits'], shares, 'credits');
    return { kind: 'credits', root, snapshots, inputs, credits };
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (error instanceof AttributionError) throw new UserError('PROOF_INVALID', error.message);
    throw new UserError(
      'PROOF_FILE',
      `the file is damaged: ${error instanceof Error ? error.message : error}`,
    );
  }
}

function parsed(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UserError('PROOF_FILE', 'the file is no JSON; write one with openledger attribution prove');
  }
  const file = value as Record<string, unknown> | null;
  if (typeof file !== 'object' || file === null || file['format'] !== PROOF_FORMAT)
    throw new UserError('PROOF_FILE', `the file is no proof of the format ${PROOF_FORMAT}`);
  if (file['kind'] !== 'phrase' && file['kind'] !== 'credits')
    throw new UserError(
      'PROOF_FILE',
      `the file is about '${String(file['kind']).slice(0, 40)}', which is unknown`,
    );
  return file;
}

function textOf(of: Record<string, unknown>, name: string): string {
  const value = of[name];
  if (typeof value !== 'string') throw new UserError('PROOF_FILE', `'${name}' is missing in the file`);
  return value;
}

/** The snapshots that the file names; that they have this root, only the chain says. */
function snapshotsOf(of: Record<string, unknown>): ProvenSnapshot[] {
  const given = of['snapshots'];
  const isSnapshot = (item: unknown): item is ProvenSnapshot => {
    const { dataNetId, length } = (item ?? {}) as Partial<ProvenSnapshot>;
    return [dataNetId, length].every((value) => Number.isSafeInteger(value) && (value as number) >= 0);
  };
  if (!Array.isArray(given) || !given.every(isSnapshot))
    throw new UserError('PROOF_FILE', "'snapshots' is missing in the file, or is no list of snapshots");
  return given.map(({ dataNetId, length }) => ({ dataNetId, length }));
}

/** Capital digits are refused: a proof has one form, also in a file. */
function bytesOf(of: Record<string, unknown>, name: string): Uint8Array {
  const text = textOf(of, name);
  if (!/^0x[0-9a-f]*$/.test(text)) throw new UserError('PROOF_FILE', `'${name}' is no hex in small digits`);
  return fromHex(text);
}

/** Both sides as JSON with sorted members: what the file says beside its proof is what the proof says. */
function expectSame(said: unknown, proven: unknown, name: string): void {
  if (canonical(said) !== canonical(proven))
    throw new UserError('PROOF_INVALID', `the file says another ${name} than its proof`);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** What was proven, for people. */
export function provenLines(proof: VerifiedProof): string[] {
  const lines = [`root      ${proof.root}`];
  if (proof.kind === 'phrase') {
    const { statement } = proof;
    const phrase = statement.phrase.map((token) => new TextDecoder().decode(token)).join(' ');
    lines.push(`phrase    ${printable(phrase)}`);
    if (statement.kind === 'absent') return [...lines, 'proven    it stands in no record'];
    const { contributor, dataNetId, orderKey, token } = statement.first;
    return [
      ...lines,
      `proven    it occurs ${statement.count} times`,
      `first     token ${token} of record ${orderKey} by ${checksumAddress(contributor as `0x${string}`)}, DataNet ${dataNetId}`,
    ];
  }
  const { record, recordHash } = proof.credits;
  return [
    ...lines,
    `request   ${proof.inputs.requestHash}`,
    `proven    attribution record ${recordHash}`,
    ...record.credits.map(
      ({ contributor, credit }) =>
        `credit    ${(credit / 1e7).toFixed(4)} %  ${checksumAddress(contributor as `0x${string}`)}`,
    ),
    `uncovered ${(record.uncovered / 1e7).toFixed(4)} %`,
  ];
}
