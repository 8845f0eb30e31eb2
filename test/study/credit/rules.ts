import { COMMONS_NET, type StudyRecord } from './corpus.ts';
import { type Claim, OLDEST, type Position, type WindowRule } from './evidence.ts';

/** Parts of a position's weight, by contributor; they sum to at most 1. */
export type Shares = readonly (readonly [contributor: number, part: number])[];

/** A credit rule of token attribution: who gets a position, given all claims to it in order of commits. */
export interface CreditRule {
  readonly name: string;
  /** What it looks at; matches of any length and frequencies of all records if it does not say. */
  readonly windows?: WindowRule;
  shares(claims: readonly Claim[]): Shares;
}

const largest = (claims: readonly Claim[]): number =>
  claims.reduce((most, { surprisal }) => Math.max(most, surprisal), 0);

/** Claims with at least this part of the best one. */
const reaching = (claims: readonly Claim[], numerator: number, denominator: number): Claim[] => {
  const bar = largest(claims) * numerator;
  return claims.filter(({ surprisal }) => surprisal * denominator >= bar);
};

/** The owner of a position under version 1. */
export function ownerOf(claims: readonly Claim[]): StudyRecord | undefined {
  return reaching(claims, 3, 4)[0]?.record;
}

const contributorsOf = (claims: readonly Claim[]): number[] => [
  ...new Set(claims.map(({ record }) => record.contributor)),
];

const earliest = (claims: readonly Claim[], numerator: number, denominator: number): Shares => {
  const [first] = reaching(claims, numerator, denominator);
  return first === undefined ? [] : [[first.record.contributor, 1]];
};

export const THREE_QUARTERS: CreditRule = {
  name: 'earliest with ¾ of the best (version 1)',
  shares: (claims) => earliest(claims, 3, 4),
};

export const FOUR_FIFTHS: CreditRule = {
  name: 'earliest with ⅘ of the best (version 2)',
  shares: (claims) => earliest(claims, 4, 5),
};

export const FOUR_FIFTHS_OLDEST: CreditRule = {
  name: 'earliest with ⅘, oldest frequencies (version 3)',
  windows: OLDEST,
  shares: (claims) => earliest(claims, 4, 5),
};

export const RULES: readonly CreditRule[] = [
  { name: 'earliest window', shares: (claims) => earliest(claims, 0, 1) },
  { name: 'longest match, ties earliest', shares: (claims) => earliest(claims, 1, 1) },
  THREE_QUARTERS,
  { name: 'earliest with ⅔', shares: (claims) => earliest(claims, 2, 3) },
  FOUR_FIFTHS,
  FOUR_FIFTHS_OLDEST,
  { name: 'earliest with ⅚', shares: (claims) => earliest(claims, 5, 6) },
  { name: 'earliest with ⅞', shares: (claims) => earliest(claims, 7, 8) },
  {
    name: '¾, divided by its contributors',
    shares: (claims) => {
      const fit = reaching(claims, 3, 4);
      return fit.length === 0 ? [] : [[fit[0]!.record.contributor, 1 / contributorsOf(fit).length]];
    },
  },
  {
    name: '¾, commons at three contributors',
    shares: (claims) => {
      const fit = reaching(claims, 3, 4);
      return fit.length === 0 || contributorsOf(fit).length >= 3 ? [] : [[fit[0]!.record.contributor, 1]];
    },
  },
  {
    name: '¾, equal split',
    shares: (claims) => {
      const owners = contributorsOf(reaching(claims, 3, 4));
      return owners.map((contributor) => [contributor, 1 / owners.length] as const);
    },
  },
  {
    name: '¾, divided by contributors before the owner',
    shares: (claims) => {
      const [owner] = reaching(claims, 3, 4);
      if (owner === undefined) return [];
      const before = claims.filter(({ record }) => record.order < owner.record.order);
      const others = contributorsOf(before).filter((contributor) => contributor !== owner.record.contributor);
      return [[owner.record.contributor, 1 / (1 + others.length)]];
    },
  },
  {
    name: '¾, divided by contributors before the best',
    shares: (claims) => {
      const fit = reaching(claims, 3, 4);
      const best = fit.find(({ surprisal }) => surprisal === largest(claims));
      if (best === undefined) return [];
      const before = fit.filter(({ record }) => record.order <= best.record.order);
      return [[fit[0]!.record.contributor, 1 / contributorsOf(before).length]];
    },
  },
];

export interface Outcome {
  /** Credit by contributor, as weight. */
  readonly credit: ReadonlyMap<number, number>;
  /** Weight of all positions. */
  readonly total: number;
  readonly credited: number;
  /** Credit that went to the contributor who supplied the token. */
  readonly toSource: number;
  /** By answer and position. */
  readonly shares: readonly (readonly Shares[])[];
}

/** Applies a rule to all positions. Commons earn nothing, as in version 1. */
export function judge(rule: CreditRule, evidence: readonly (readonly Position[])[]): Outcome {
  const credit = new Map<number, number>();
  let [total, credited, toSource] = [0, 0, 0];
  const shares = evidence.map((positions) =>
    positions.map(({ weight, source, claims }) => {
      total += weight;
      const isCommons = (contributor: number) =>
        claims.some(({ record }) => record.contributor === contributor && record.dataNetId === COMMONS_NET);
      const given = rule.shares(claims).filter(([contributor]) => !isCommons(contributor));
      for (const [contributor, part] of given) {
        credit.set(contributor, (credit.get(contributor) ?? 0) + weight * part);
        credited += weight * part;
        if (contributor === source) toSource += weight * part;
      }
      return given;
    }),
  );
  return { credit, total, credited, toSource, shares };
}
