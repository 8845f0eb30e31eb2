/** Proofs about one phrase: it occurs, how often and where first; or it does not occur. */
import { fromHex } from '../credit/bytes.ts';
import { AttributionError } from '../errors.ts';
import { ProofReader, ProofWriter } from './bytes.ts';
import type { CommittedIndex } from './commit-corpus.ts';
import { invalidProof, proofTooLarge } from './errors.ts';
import { readEvidence, type Selection, writeEvidence } from './evidence.ts';
import { createHasher, HASH_BYTES, sameBytes, TAG } from './hash.ts';
import { isToken } from './leaves.ts';
import { MAX_PHRASE_TOKENS, MAX_PROOF_BYTES, NODES_PER_PAGE } from './limits.ts';
import { checkAllUsed, type ProvenPhrases, provenPhrases, shownPhrases } from './proven-phrases.ts';
import type { PhraseStatement } from './types.ts';

/** First bytes of a proof: version and what it is about. */
export const PROOF_VERSION = 1;
export const PHRASE_PROOF = 1;
export const CREDITS_PROOF = 2;

/** Bytes of a proof by what they show: `evidence` and `statement` are the proof proper, the dictionary counts apart. */
export interface PhraseProof {
  readonly bytes: Uint8Array;
  readonly statement: PhraseStatement;
  readonly dictionaryBytes: number;
}

/**
 * Proves what the index says about a phrase.
 * @param phrase tokens as folded UTF-8 bytes, at least one.
 * @throws AttributionError 'InvalidParameter' for what is no phrase, 'ProofTooLarge'.
 */
export function provePhrase(index: CommittedIndex, phrase: readonly Uint8Array[]): PhraseProof {
  if (phrase.length > MAX_PHRASE_TOKENS)
    throw proofTooLarge(`A phrase of ${phrase.length} tokens is proven up to ${MAX_PHRASE_TOKENS}.`);
  checkPhrase(phrase);
  const candidates = candidatesOf(index, phrase);
  const shown = shownPhrases(index, candidates.dictionary, candidates.nodes);
  const statement = stateOf(shown, phrase);
  const selection = shown.used();
  const writer = new ProofWriter();
  writer.byte(PROOF_VERSION);
  writer.byte(PHRASE_PROOF);
  writePhrase(writer, phrase);
  const before = writer.length;
  writeEvidence(writer, index, { ...selection, dictionary: [] });
  const withoutDictionary = writer.length - before;
  writer.length = before;
  writeEvidence(writer, index, selection);
  const dictionaryBytes = writer.length - before - withoutDictionary;
  writer.bytes(statementHash(index.root, statement));
  return { bytes: writer.done(), statement, dictionaryBytes };
}

/**
 * What a proof says about the corpus behind `root`. Needs neither the corpus nor a node.
 * @throws AttributionError 'InvalidProof' for everything that is not such a proof, bit by bit.
 */
export function verifyPhraseProof(root: Uint8Array, proof: Uint8Array): PhraseStatement {
  if (proof.length > MAX_PROOF_BYTES) throw invalidProof('it is too long');
  const hasher = createHasher();
  const reader = new ProofReader(proof);
  if (reader.byte() !== PROOF_VERSION || reader.byte() !== PHRASE_PROOF)
    throw invalidProof('it is no phrase proof of a known version');
  const phrase = readPhrase(reader);
  const evidence = readEvidence(reader, root, hasher);
  const proven = provenPhrases(evidence);
  const statement = stateOf(proven, phrase);
  checkAllUsed(evidence, proven.used());
  if (!sameBytes(statementHash(root, statement), reader.bytes(HASH_BYTES)))
    throw invalidProof('it was made for another statement');
  reader.end();
  return statement;
}

/** What the shown leaves say. @throws AttributionError 'InvalidProof' if they do not say it. */
function stateOf(proven: ProvenPhrases, phrase: readonly Uint8Array[]): PhraseStatement {
  const ids = new Int32Array(phrase.length);
  let unshown = 0;
  for (let i = 0; i < phrase.length; i++) {
    const entry = proven.token(phrase[i]!);
    if (entry === 'absent') return { kind: 'absent', phrase };
    if (entry === undefined) unshown++;
    else ids[i] = entry.id;
  }
  if (unshown > 0) throw invalidProof('a token of the phrase is not shown');
  const answer = proven.find(ids, ids.length);
  if (answer?.kind === 'absent') return { kind: 'absent', phrase };
  if (answer?.kind !== 'node') throw invalidProof('it does not show the phrase');
  const { count, offset, record } = answer.node;
  const { contributor, orderKey, dataNetId } = record;
  return { kind: 'occurs', phrase, count, first: { contributor, orderKey, dataNetId, token: offset } };
}

/** The tokens and pages among which the proof is. */
function candidatesOf(index: CommittedIndex, phrase: readonly Uint8Array[]): Omit<Selection, 'text'> {
  const ids = new Int32Array(phrase.length);
  for (let i = 0; i < phrase.length; i++) {
    const { id, place } = index.findToken(phrase[i]!);
    if (id < 0) return { dictionary: within(index.sizes.types, [place - 1, place]), nodes: [] };
    ids[i] = id;
  }
  const dictionary = [...new Set(ids)].sort((a, b) => a - b);
  const at = index.lastNotAbove(ids);
  const nodes = occursAt(index, at, ids, ids.length) ? [at] : within(index.sizes.nodes, [at, at + 1]);
  return { dictionary, nodes: pagesOf(nodes) };
}

/** Whether phrase[0, length) belongs to node `at`, the last one whose shortest phrase is not above it. */
export function occursAt(index: CommittedIndex, at: number, phrase: Int32Array, length: number): boolean {
  if (at < 0) return false;
  const node = index.node(at);
  if (node.depth < length) return false;
  for (let j = 0; j < length; j++) if (index.tokenOf(node, j) !== phrase[j]) return false;
  return true;
}

export function within(size: number, indices: readonly number[]): number[] {
  return indices.filter((index) => index >= 0 && index < size);
}

/** Pages of nodes, rising. */
export function pagesOf(nodes: Iterable<number>): number[] {
  const pages = new Set<number>();
  for (const node of nodes) pages.add(Math.floor(node / NODES_PER_PAGE));
  return [...pages].sort((a, b) => a - b);
}

function writePhrase(writer: ProofWriter, phrase: readonly Uint8Array[]): void {
  writer.varint(phrase.length);
  for (const token of phrase) writer.sized(token);
}

function readPhrase(reader: ProofReader): Uint8Array[] {
  const length = reader.varint();
  if (length < 1 || length > MAX_PHRASE_TOKENS) throw invalidProof(`it is about ${length} tokens`);
  const phrase = Array.from({ length }, () => reader.sized().slice());
  if (!phrase.every(isToken)) throw invalidProof('its phrase is not in tokens');
  return phrase;
}

function checkPhrase(phrase: readonly Uint8Array[]): void {
  if (phrase.length > 0 && phrase.every(isToken)) return;
  throw new AttributionError('InvalidParameter', 'A phrase is at least one token, folded as the lexer does.');
}

/** H(0x04 ‖ root ‖ statement): binds a proof to one statement also where the same leaves would show another true one. */
function statementHash(root: Uint8Array, statement: PhraseStatement): Uint8Array {
  const writer = new ProofWriter();
  writer.bytes(root);
  writePhrase(writer, statement.phrase);
  if (statement.kind === 'absent') writer.byte(0);
  else {
    const { count, first } = statement;
    writer.byte(1);
    writer.varint(count);
    writer.bytes(fromHex(first.contributor, 20));
    writer.varint(first.orderKey);
    writer.varint(first.dataNetId);
    writer.varint(first.token);
  }
  return createHasher().tagged(TAG.statement, writer.view());
}
