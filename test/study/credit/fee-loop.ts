import { attributeTokens, buildTokenIndex, createCorpus, splitFee } from '../../../attribution/api.ts';
import type { TokenAttributionParams } from '../../../attribution/token/types.ts';
import { DEFAULT_PARAMS } from '../../../genesis/parameters.ts';
import { ATTACKER, addressOf, contributorOf, FIRST, Reader, toCorpusRecords } from './corpus.ts';
import { FEE } from './payouts.ts';

export interface Loop {
  readonly who: string;
  /** Part of the fee that does not come back. */
  readonly lost: number;
}

const RECORDS = 20;
const RECORD_WORDS = 20;

/**
 * An operator asks his own external model, of which he also holds the whole stake, and answers with the words of
 * friends, so that the fee comes back: what is lost each time, by the genesis shares and caps. Gas is not counted.
 */
export function feeLoops(params: TokenAttributionParams): Loop[] {
  return [
    loop('a contributor known to belong to the model', 1, true, params),
    loop('one contributor', 1, false, params),
    loop('two contributors', 2, false, params),
    loop('ten contributors', 10, false, params),
  ];
}

function loop(who: string, identities: number, isRelated: boolean, params: TokenAttributionParams): Loop {
  const reader = new Reader();
  const records = Array.from({ length: RECORDS }, (_, i) =>
    reader.record(
      Array.from({ length: RECORD_WORDS }, (_, k) => `w${i}v${k}`),
      ATTACKER + (i % identities),
      FIRST + i,
    ),
  );
  const friends = Array.from({ length: identities }, (_, k) => addressOf(ATTACKER + k));
  const { credits } = attributeTokens({
    index: buildTokenIndex(createCorpus(toCorpusRecords(records))),
    commons: new Set(),
    ineligible: new Set(isRelated ? friends : []),
    output: new TextEncoder().encode(records.map(({ words }) => words.join(' ')).join('. ')),
    prompt: new Uint8Array(0),
    params,
  });
  const { platformBps, modelBps, stakersBps, dataBps } = DEFAULT_PARAMS.inference;
  const split = splitFee({ fee: FEE, platformBps, modelBps, stakersBps, dataBps, credits });
  const back = split.data
    .filter(({ contributor }) => contributorOf(contributor) >= ATTACKER)
    .reduce((sum, { amount }) => sum + amount, split.model + split.stakers);
  return { who, lost: Number(FEE - back) / Number(FEE) };
}
