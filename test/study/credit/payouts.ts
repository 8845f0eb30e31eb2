import {
  attributeTokens,
  buildTokenIndex,
  createCorpus,
  splitFee,
  type TokenAttributionParams,
  type TokenRuleVersion,
} from '../../../attribution/api.ts';
import { DEFAULT_PARAMS } from '../../../genesis/parameters.ts';
import type { Answer } from './answers.ts';
import { ATTACKER, contributorOf, type StudyRecord, toCorpusRecords } from './corpus.ts';

/** One coin an answer. */
export const FEE = 10n ** 18n;
const { platformBps, modelBps, stakersBps, dataBps } = DEFAULT_PARAMS.inference;
const PROMPT = new TextEncoder().encode('The');

/** What versions of the rule had as constants before they were genesis parameters: matches of any length, caps. */
const BEFORE_GENESIS = {
  1: { lmax: 1024, coverageCapPermille: 1000 },
  2: { lmax: 1024, coverageCapPermille: 600 },
  3: {},
} as const;

/** Token attribution with the genesis parameters, under a version of the rule. */
export function genesisRule(version: TokenRuleVersion): TokenAttributionParams {
  const {
    lmin,
    sminQ16,
    wmaxQ16,
    recordCapPermille,
    contributorCapPermille,
    lmax,
    coverageCapPermille,
    maxContributors,
    maxOutputTokens,
  } = DEFAULT_PARAMS.attribution;
  return {
    version,
    lmin,
    lmax,
    coverageCapPermille,
    ...BEFORE_GENESIS[version],
    sminQ16,
    wmaxQ16,
    recordCapPermille,
    contributorCapPermille,
    maxContributors,
    maxOutputTokens,
    maxPromptTokens: DEFAULT_PARAMS.attribution.maxPromptBytes,
  };
}

/** Wei by contributor for a set of answers: the engine and the fee split of the chain, nothing of the study's own. */
export function payouts(
  records: readonly StudyRecord[],
  answers: readonly Answer[],
  params: TokenAttributionParams,
): Map<number, bigint> {
  const index = buildTokenIndex(createCorpus(toCorpusRecords(records)));
  const paid = new Map<number, bigint>();
  for (const { bytes } of answers) {
    const { credits } = attributeTokens({
      index,
      commons: new Set(),
      ineligible: new Set(),
      output: bytes,
      prompt: PROMPT,
      params,
    });
    const { data } = splitFee({ fee: FEE, platformBps, modelBps, stakersBps, dataBps, credits });
    for (const { contributor, amount } of data) {
      const number = contributorOf(contributor);
      paid.set(number, (paid.get(number) ?? 0n) + amount);
    }
  }
  return paid;
}

export interface Effect {
  /** What the attacker and his identities earn with the attack, over what he earned without it. */
  readonly gain: number;
  /** Largest change of an honest contributor's payout, as a part of it; and of all honest payouts together. */
  readonly worstHonest: number;
  readonly allHonest: number;
  /** Wei by which honest payouts moved, summed. */
  readonly movedWei: bigint;
}

/** Compares payouts; the attacker is contributor `own` and every identity from ATTACKER on. */
export function compare(
  before: ReadonlyMap<number, bigint>,
  after: ReadonlyMap<number, bigint>,
  own: number,
): Effect {
  const isAttacker = (contributor: number) => contributor === own || contributor >= ATTACKER;
  const sum = (paid: ReadonlyMap<number, bigint>, ofAttacker: boolean): bigint =>
    [...paid].reduce((total, [who, wei]) => (isAttacker(who) === ofAttacker ? total + wei : total), 0n);
  let worstHonest = 0;
  let movedWei = 0n;
  for (const who of new Set([...before.keys(), ...after.keys()])) {
    if (isAttacker(who)) continue;
    const [was, is] = [before.get(who) ?? 0n, after.get(who) ?? 0n];
    movedWei += was > is ? was - is : is - was;
    worstHonest = Math.max(worstHonest, Math.abs(ratio(is, was) - 1));
  }
  return {
    gain: ratio(sum(after, true), sum(before, true)),
    worstHonest,
    allHonest: Math.abs(ratio(sum(after, false), sum(before, false)) - 1),
    movedWei,
  };
}

function ratio(a: bigint, b: bigint): number {
  return b === 0n ? (a === 0n ? 1 : Number.POSITIVE_INFINITY) : Number((a * 10n ** 12n) / b) / 1e12;
}
