/** Succinct proofs about the texts behind an attribution: see docs/proofs.md. */
export { type CommitOptions, type CommittedIndex, commitCorpus } from './commit-corpus.ts';
export { type CreditsProof, proveCredits } from './credits-proof.ts';
export { MAX_COMMITTED_TOKENS, MAX_PHRASE_TOKENS, MAX_PROOF_BYTES } from './limits.ts';
export { type PhraseProof, provePhrase } from './phrase-proof.ts';
export type { CommitmentSizes } from './types.ts';
export * from './verifier.ts';
