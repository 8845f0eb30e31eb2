/** What the floors above use of token attribution. The rule itself is docs/attribution.md. */
export type { ContributorAddress, Corpus, CorpusRecord, RecordInfo } from './corpus/corpus.ts';
export { createCorpus, packOrderKey, RECORDS_PER_COMMIT } from './corpus/corpus.ts';
export type { AttributionRecord } from './credit/attribution-record.ts';
export {
  attributionRecord,
  attributionRecordHash,
  decodeAttributionRecord,
  encodeAttributionRecord,
} from './credit/attribution-record.ts';
export type { FeeSplit, FeeSplitInput } from './credit/split-fee.ts';
export { splitFee } from './credit/split-fee.ts';
export type { AttributionErrorCode } from './errors.ts';
export { AttributionError, InvalidUtf8 } from './errors.ts';
export { buildSegment } from './index/build-segment.ts';
export { mergeSegments } from './index/merge-segments.ts';
export { scheduleSegments } from './index/schedule.ts';
export { Segment } from './index/segment.ts';
export { segmentBytes } from './index/segment-layout.ts';
export type { TokenIndex } from './index/token-index.ts';
export { buildTokenIndex, openTokenIndex } from './index/token-index.ts';
export type { Continuation, ContinueTextInput } from './language-model/continue-text.ts';
export { continueText } from './language-model/continue-text.ts';
export type { Tokens } from './lexer/lexer.ts';
export { lex } from './lexer/lexer.ts';
export { attributeTokens, creditTokens } from './token/attribute.ts';
export type { MaximalSpan } from './token/spans.ts';
export { maximalSpans } from './token/spans.ts';
export type {
  AttributedSpan,
  Credit,
  TokenAttribution,
  TokenAttributionInput,
  TokenAttributionParams,
  TokenCredits,
} from './token/types.ts';
export { DEFAULT_TOKEN_ATTRIBUTION_PARAMS, WHOLE } from './token/types.ts';
export type { TokenRuleVersion } from './token/versions.ts';
