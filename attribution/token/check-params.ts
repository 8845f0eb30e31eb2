import { AttributionError } from '../errors.ts';
import { MAX_CONTRIBUTORS, MAX_OUTPUT_TOKENS, MAX_PROMPT_TOKENS, MAX_WINDOW_TOKENS } from '../limits.ts';
import type { TokenAttributionParams } from './types.ts';

const RANGES: readonly (readonly [keyof TokenAttributionParams, number, number])[] = [
  ['version', 1, 3],
  ['lmin', 1, MAX_WINDOW_TOKENS],
  ['lmax', 1, MAX_OUTPUT_TOKENS],
  ['sminQ16', 0, 0x7fffffff],
  ['wmaxQ16', 1, 0x1000000],
  ['maxOutputTokens', 1, MAX_OUTPUT_TOKENS],
  ['maxPromptTokens', 0, MAX_PROMPT_TOKENS],
  ['recordCapPermille', 1, 1000],
  ['contributorCapPermille', 1, 1000],
  ['coverageCapPermille', 1, 1000],
  ['maxContributors', 1, MAX_CONTRIBUTORS],
];

/** @throws AttributionError 'InvalidParameter' naming the first parameter outside its range; lmax is at least lmin. */
export function checkTokenAttributionParams(params: TokenAttributionParams): void {
  for (const [name, low, high] of RANGES) {
    const value = params[name];
    if (!Number.isSafeInteger(value) || value < low || value > high)
      throw new AttributionError(
        'InvalidParameter',
        `${name} is ${value}; it must be an integer from ${low} to ${high}.`,
      );
  }
  if (params.lmax < params.lmin)
    throw new AttributionError('InvalidParameter', `lmax is ${params.lmax}; it must be at least lmin.`);
}
