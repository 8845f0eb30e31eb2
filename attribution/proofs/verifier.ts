/** What a light client needs: no corpus, no index, no node. Bundles for a browser. */
export {
  attestedRootSlot,
  MODEL_ACCOUNT,
  type ProvenSnapshot,
  type SlotProof,
  snapshotsId,
  verifyAttestedRoot,
} from './attested-root.ts';
export {
  type AnswerInputs,
  type OwnedSpan,
  type ProvenCredits,
  verifyCreditsProof,
} from './credits-proof.ts';
export { phraseTokens } from './leaves.ts';
export { verifyPhraseProof } from './phrase-proof.ts';
export type { FirstSeen, PhraseStatement } from './types.ts';
