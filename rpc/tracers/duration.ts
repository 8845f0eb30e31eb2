/** Go's text of a duration: decimal numbers, each with its unit, one after the other ("1h30m", "1.5s", "500ms"). */

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;
/** Longer texts say nothing that a shorter one does not. */
const MAX_LENGTH = 64;

/** Milliseconds, not below 0; undefined if it is not a duration. */
export function durationMs(text: string): number | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const isNegative = text.startsWith('-');
  const rest = /^[+-]/.test(text) ? text.slice(1) : text;
  if (rest === '0') return 0;
  let sum = 0;
  let at = 0;
  while (at < rest.length) {
    PART.lastIndex = at;
    const part = PART.exec(rest);
    if (part === null) return undefined;
    sum += Number(part[1]) * UNIT_MS[part[2]!]!;
    at = PART.lastIndex;
  }
  if (at === 0) return undefined;
  return isNegative ? 0 : sum;
}
