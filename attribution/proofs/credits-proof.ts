/** Proofs of the credit vector of an answer: the verifier runs the rule itself, over shown leaves instead of a corpus. */
import { sha256 } from '@noble/hashes/sha2.js';
import type { ContributorAddress } from '../corpus/corpus.ts';
import {
  type AttributionRecord,
  attributionRecord,
  attributionRecordHash,
  encodeAttributionRecord,
} from '../credit/attribution-record.ts';
import { fromHex } from '../credit/bytes.ts';
import { creditTokens } from '../token/attribute.ts';
import { earns } from '../token/credits.ts';
import type { TokenAttributionParams } from '../token/types.ts';
import { ProofReader, ProofWriter } from './bytes.ts';
import type { CommittedIndex } from './commit-corpus.ts';
import { createCreditIndex, type PhraseSource } from './credit-index.ts';
import { invalidProof } from './errors.ts';
import { readEvidence, type Selection, writeEvidence } from './evidence.ts';
import { createHasher, HASH_BYTES, sameBytes, TAG } from './hash.ts';
import { MAX_PROOF_BYTES } from './limits.ts';
import { CREDITS_PROOF, PROOF_VERSION } from './phrase-proof.ts';
import { checkAllUsed, type ProvenPhrases, provenPhrases, shownPhrases } from './proven-phrases.ts';
import { createRecordingSource } from './recording-source.ts';

/** What a credit vector is a function of, beside the corpus. */
export interface AnswerInputs {
  /** Hash of the request record, 0x and 64 hex digits. */
  readonly requestHash: string;
  readonly prompt: Uint8Array;
  readonly output: Uint8Array;
  readonly params: TokenAttributionParams;
  readonly commons: readonly number[];
  readonly ineligible: readonly ContributorAddress[];
}

/** A run of output tokens with one owner. */
export interface OwnedSpan {
  readonly startToken: number;
  readonly endToken: number;
  readonly startByte: number;
  readonly endByte: number;
  readonly contributor: ContributorAddress;
  readonly orderKey: number;
  readonly dataNetId: number;
  readonly weightQ16: number;
  /** False: the owner is in the commons or ineligible. */
  readonly earns: boolean;
}

/** The attribution that follows from a root and an answer. */
export interface ProvenCredits {
  readonly record: AttributionRecord;
  /** keccak-256 of the record: what a settlement posts. */
  readonly recordHash: string;
  readonly spans: readonly OwnedSpan[];
}

export interface CreditsProof extends ProvenCredits {
  readonly bytes: Uint8Array;
  /** Bytes of `bytes` that are about single tokens. */
  readonly dictionaryBytes: number;
}

/**
 * Proves the credits of an answer against the index's root.
 * @throws as attributeTokens does for such inputs; AttributionError 'ProofTooLarge'.
 */
export function proveCredits(index: CommittedIndex, inputs: AnswerInputs): CreditsProof {
  const recording = createRecordingSource(index);
  credit(recording, inputs);
  const { result, selection } = asVerifierWill(index, inputs, recording.needed());
  const writer = new ProofWriter();
  writer.byte(PROOF_VERSION);
  writer.byte(CREDITS_PROOF);
  const before = writer.length;
  writeEvidence(writer, index, { ...selection, dictionary: [] });
  const withoutDictionary = writer.length - before;
  writer.length = before;
  writeEvidence(writer, index, selection);
  const dictionaryBytes = writer.length - before - withoutDictionary;
  writer.bytes(statementHash(index.root, inputs, result.record));
  return { ...result, bytes: writer.done(), dictionaryBytes };
}

/**
 * Runs the rule over leaves that show its answers, again with those that it used until it uses all: then a verifier who
 * is shown these uses these, and the same pieces of the text.
 */
function asVerifierWill(index: CommittedIndex, inputs: AnswerInputs, enough: Omit<Selection, 'text'>) {
  for (let leaves = enough; ; ) {
    const shown = shownPhrases(index, leaves.dictionary, leaves.nodes);
    const result = credit(sourceOf(shown), inputs);
    const selection = shown.used();
    const isStable =
      selection.nodes.length === leaves.nodes.length &&
      selection.dictionary.length === leaves.dictionary.length;
    if (isStable) return { result, selection };
    leaves = selection;
  }
}

/**
 * Computes the attribution of an answer from a root and a proof, by the rule itself. Compare `recordHash` with the one
 * that the settlement posted.
 * @throws AttributionError 'InvalidProof' for a proof that is not for these inputs and this root, bit by bit; as
 *   attributeTokens does for inputs that it refuses.
 */
export function verifyCreditsProof(root: Uint8Array, inputs: AnswerInputs, proof: Uint8Array): ProvenCredits {
  if (proof.length > MAX_PROOF_BYTES) throw invalidProof('it is too long');
  const reader = new ProofReader(proof);
  if (reader.byte() !== PROOF_VERSION || reader.byte() !== CREDITS_PROOF)
    throw invalidProof('it is no proof of credits of a known version');
  const evidence = readEvidence(reader, root, createHasher());
  const bound = reader.bytes(HASH_BYTES);
  reader.end();
  const proven = provenPhrases(evidence);
  const result = credit(sourceOf(proven), inputs);
  checkAllUsed(evidence, proven.used());
  if (!sameBytes(statementHash(root, inputs, result.record), bound))
    throw invalidProof('it was made for another answer');
  return result;
}

/** Runs the rule over a source. */
function credit(source: PhraseSource, inputs: AnswerInputs): ProvenCredits {
  const { requestHash, prompt, output, params } = inputs;
  const rules = { commons: new Set(inputs.commons), ineligible: new Set(inputs.ineligible), params };
  const index = createCreditIndex(source, output);
  const owned = creditTokens({ index, output, prompt, ...rules });
  const record = attributionRecord(requestHash, output, owned.credits);
  const spans: OwnedSpan[] = [];
  const { starts, ends } = owned.output.tokens;
  const { ranks } = owned.owners;
  for (let i = 0, end = 0; i < ranks.length; i = end) {
    end = i + 1;
    const rank = ranks[i]!;
    if (rank < 0) continue;
    const owner = index.record(rank);
    let weightQ16 = owned.weights[i]!;
    while (end < ranks.length && ranks[end] === rank) weightQ16 += owned.weights[end++]!;
    const { contributor, orderKey, dataNetId } = owner;
    const place = { startToken: i, endToken: end, startByte: starts[i]!, endByte: ends[end - 1]! };
    spans.push({ ...place, contributor, orderKey, dataNetId, weightQ16, earns: earns(owner, rules) });
  }
  return { record, recordHash: attributionRecordHash(record), spans };
}

/** Answers from shown leaves. @throws AttributionError 'InvalidProof' from an answer that they do not show */
function sourceOf(proven: ProvenPhrases): PhraseSource {
  return {
    sizes: proven.sizes,
    token(folded) {
      const entry = proven.token(folded);
      if (entry === undefined) throw invalidProof('a token of the output is not shown');
      return entry === 'absent' ? undefined : entry;
    },
    find(phrase, length) {
      const answer = proven.find(phrase, length);
      if (answer === undefined) throw invalidProof('a phrase of the output is not shown');
      return answer;
    },
    cover(phrase, length) {
      const answer = proven.find(phrase, length);
      if (answer?.kind !== 'node') throw invalidProof('the count of a phrase is not shown');
      return answer.node;
    },
    tokenOf: (node, j) => proven.tokenOf(node, j),
  };
}

/** H(0x04 ‖ root ‖ request ‖ SHA-256 of prompt, of output and of the rules ‖ attribution record) */
function statementHash(root: Uint8Array, inputs: AnswerInputs, record: AttributionRecord): Uint8Array {
  const writer = new ProofWriter();
  writer.bytes(root);
  writer.bytes(fromHex(inputs.requestHash, 32));
  writer.bytes(sha256(inputs.prompt));
  writer.bytes(sha256(inputs.output));
  writer.bytes(sha256(rulesBytes(inputs)));
  writer.bytes(encodeAttributionRecord(record));
  return createHasher().tagged(TAG.statement, writer.view());
}

function rulesBytes({ params, commons, ineligible }: AnswerInputs): Uint8Array {
  const writer = new ProofWriter();
  const { version, lmin, lmax, sminQ16, wmaxQ16, maxOutputTokens, maxPromptTokens } = params;
  const { recordCapPermille, contributorCapPermille, coverageCapPermille, maxContributors } = params;
  for (const value of [version, lmin, lmax, sminQ16, wmaxQ16, maxOutputTokens, maxPromptTokens])
    writer.varint(value);
  for (const value of [recordCapPermille, contributorCapPermille, coverageCapPermille, maxContributors])
    writer.varint(value);
  const nets = [...new Set(commons)].sort((a, b) => a - b);
  writer.varint(nets.length);
  for (const net of nets) writer.varint(net);
  const addresses = [...new Set(ineligible)].sort();
  writer.varint(addresses.length);
  for (const address of addresses) writer.bytes(fromHex(address, 20));
  return writer.done();
}
