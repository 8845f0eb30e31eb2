import type { RecordInfo } from '../corpus/corpus.ts';
import { checkTokenAttributionParams } from './check-params.ts';
import { creditsOf } from './credits.ts';
import { findMatches } from './matches.ts';
import { findOwners, type Owners } from './owners.ts';
import { spansOf } from './spans.ts';
import { type IndexedText, readIds, readText } from './text.ts';
import type { CreditInput, TokenAttribution, TokenAttributionInput, TokenCredits } from './types.ts';
import { TOKEN_RULES } from './versions.ts';

/**
 * Token attribution (docs/attribution.md): who is credited for which part of an answer. A function of its
 * input alone, in integers; the index changes its speed and never its result.
 *
 * ```ts
 * const index = buildTokenIndex(createCorpus(records));
 * const { credits, coverage } = attributeTokens({ index, commons, ineligible, output, prompt, params });
 * ```
 * @throws InvalidUtf8 for an output or a prompt that is not UTF-8; AttributionError 'TooManyTokens' above
 *   `params.maxOutputTokens` or `params.maxPromptTokens`, 'InvalidParameter'.
 */
export function attributeTokens(input: TokenAttributionInput): TokenAttribution {
  const { output, owners, weights, credits } = creditTokens(input);
  return { ...credits, spans: spansOf(input.index, output, owners, weights, input) };
}

/** An answer whose positions have owners: all that is paid by, and nothing for display. */
export interface OwnedAnswer {
  readonly output: IndexedText;
  readonly owners: Owners;
  readonly weights: Float64Array;
  readonly credits: TokenCredits;
}

/** The credits of `attributeTokens` without the spans, from as little of an index as they need. @throws as it does */
export function creditTokens(input: CreditInput): OwnedAnswer {
  const { index, commons, params } = input;
  checkTokenAttributionParams(params);
  const { bar, frequencies } = TOKEN_RULES[params.version];
  const output = readText(index, input.output, params.maxOutputTokens, frequencies);
  const prompt = readIds(index, input.prompt, params.maxPromptTokens);
  const { lmin, lmax, sminQ16 } = params;
  const matches = findMatches(index, output, prompt, { lmin, lmax, bar, sminQ16, commons });
  const owners = findOwners(matches, output.surprisalBefore, params);

  const weights = weightsOf(output.surprisalBefore, params.wmaxQ16);
  const totalWeightQ16 = weights.reduce((sum, weight) => sum + weight, 0);
  const owned = new Map<number, number>();
  let matchedWeightQ16 = 0;
  for (let i = 0; i < weights.length; i++) {
    const record = owners.ranks[i]!;
    if (record < 0) continue;
    owned.set(record, (owned.get(record) ?? 0) + weights[i]!);
    matchedWeightQ16 += weights[i]!;
  }
  const byOrderKey: (readonly [RecordInfo, number])[] = [...owned]
    .sort(([a], [b]) => a - b)
    .map(([record, weight]) => [index.record(record), weight]);
  const { credits, uncovered } = creditsOf(byOrderKey, totalWeightQ16, input);
  const coverage = credits.reduce((sum, entry) => sum + entry.credit, 0);
  const outputTokens = output.ids.length;
  return {
    output,
    owners,
    weights,
    credits: {
      version: params.version,
      outputTokens,
      totalWeightQ16,
      matchedWeightQ16,
      coverage,
      uncovered,
      credits,
    },
  };
}

/** weight(i) = min(Wmax, surprisal of token i). */
function weightsOf(surprisalBefore: Float64Array, wmaxQ16: number): Float64Array {
  const weights = new Float64Array(surprisalBefore.length - 1);
  for (let i = 0; i < weights.length; i++)
    weights[i] = Math.min(wmaxQ16, surprisalBefore[i + 1]! - surprisalBefore[i]!);
  return weights;
}
