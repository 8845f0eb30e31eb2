/** What the command line of the simulator asks for. */
import type { SimMode } from './options.ts';

/** Seeds of one mode, both ends included. */
export interface Range {
  readonly mode: SimMode;
  readonly from: number;
  readonly to: number;
}

export type Asked =
  | { readonly kind: 'invariants' }
  | { readonly kind: 'replay'; readonly mode: SimMode; readonly seed: number }
  | { readonly kind: 'ranges'; readonly ranges: readonly Range[] }
  | { readonly kind: 'wrong'; readonly reason: string };

class Wrong extends Error {}

/**
 * `--real` holds for the ranges after it, and for those before it where none comes after: `--seeds 1..200 --real` and
 * `--real --seeds 1..200` are the same, and `--seeds 1..10000 --real --seeds 1..200` runs both kinds.
 */
export function readArguments(args: readonly string[]): Asked {
  try {
    return read(args);
  } catch (error) {
    if (error instanceof Wrong) return { kind: 'wrong', reason: error.message };
    throw error;
  }
}

function read(args: readonly string[]): Asked {
  const ranges: Range[] = [];
  let mode: SimMode = 'fast';
  let seed: number | undefined;
  for (let i = 0; i < args.length; i++) {
    const value = args[i + 1] ?? '';
    switch (args[i]) {
      case '--invariants':
        return { kind: 'invariants' };
      case '--real':
        mode = 'real';
        if (!args.includes('--seeds', i))
          for (const [at, range] of ranges.entries()) ranges[at] = asReal(range);
        break;
      case '--twins':
        if (/^\d+$/.test(value)) {
          ranges.push(rangeOf('twins', `1..${value}`));
          i++;
        } else mode = 'twins';
        break;
      case '--seed':
        seed = numberOf(value, 'the seed');
        i++;
        break;
      case '--seeds':
        ranges.push(rangeOf(mode, value));
        i++;
        break;
      default:
        throw new Wrong(`cannot read: ${args[i]}`);
    }
  }
  if (seed !== undefined && ranges.length > 0) throw new Wrong('--seed replays one seed and takes no ranges');
  if (seed !== undefined) return { kind: 'replay', mode, seed };
  if (ranges.length === 0) throw new Wrong('no seeds given');
  return { kind: 'ranges', ranges };
}

function asReal(range: Range): Range {
  return range.mode === 'fast' ? { ...range, mode: 'real' } : range;
}

function numberOf(text: string, what: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value))
    throw new Wrong(`${what} must be a whole number from 0 to 2^53-1, not "${text}"`);
  return value;
}

function rangeOf(mode: SimMode, text: string): Range {
  const ends = text.split('..');
  if (ends.length !== 2) throw new Wrong(`no range FROM..TO: "${text}"`);
  const [from, to] = [numberOf(ends[0]!, 'FROM'), numberOf(ends[1]!, 'TO')];
  if (to < from) throw new Wrong(`${from}..${to} is empty`);
  return { mode, from, to };
}
