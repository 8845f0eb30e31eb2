/** An answer on a terminal, its words coloured by who is credited, and who was paid how much. */
import type { AttributionView } from '../../rpc/backend.ts';
import type { Hex } from '../../state/types.ts';
import { checksumAddress } from '../keys/hex.ts';
import { type Output, printable, type Style, table } from './output.ts';

/** What an external model's attribution means, wherever a person sees it. */
export const MEANING =
  'For an external model the chain proves what the answer quotes, not what the model learned.';

/** Colours that are told apart on light and dark terminals; contributors beyond them share the last. */
const PALETTE: readonly Style[] = ['green', 'cyan', 'magenta', 'yellow', 'blue', 'red'];
const WHOLE = 1_000_000_000;

export interface ShownAnswer {
  readonly prompt: string;
  readonly output: string;
  readonly attribution: Pick<AttributionView, 'credits' | 'uncovered' | 'spans'>;
  /** Wei each contributor got, where known. */
  readonly paid?: ReadonlyMap<Hex, string>;
}

export function attributionLines({ prompt, output, attribution, paid }: ShownAnswer, out: Output): string[] {
  const colours = new Map<Hex, Style>();
  for (const { contributor } of [...attribution.credits, ...attribution.spans])
    if (!colours.has(contributor))
      colours.set(contributor, PALETTE[Math.min(colours.size, PALETTE.length - 1)]!);
  const marks = new Map([...colours.keys()].map((contributor, i) => [contributor, markOf(i)]));
  const rows = attribution.credits.map(({ contributor, parts }) => [
    marks.get(contributor)!,
    checksumAddress(contributor),
    percent(parts),
    paid?.get(contributor) ?? '',
    bar(parts),
  ]);
  const heads = ['', 'contributor', 'of data pool', paid ? 'paid' : '', ''];
  const lines = table([
    heads,
    ...rows,
    ['', 'nobody (uncovered)', percent(attribution.uncovered), '', bar(attribution.uncovered)],
  ]);
  return [
    `${out.paint('dim', 'Prompt:')} ${printable(prompt)}`,
    '',
    colourText(output, attribution.spans, colours, marks, out),
    '',
    ...lines.map((line, i) => {
      const credit = attribution.credits[i - 1];
      if (i === 0) return out.paint('dim', line.trimEnd());
      return credit ? out.paint(colours.get(credit.contributor)!, line.trimEnd()) : line.trimEnd();
    }),
    '',
    out.paint('dim', MEANING),
  ];
}

/**
 * Spans stand on byte positions of the UTF-8. Besides by colour each is marked with its contributor's letter, so that
 * the text can be read without colours: `[a words of theirs]`.
 */
function colourText(
  text: string,
  spans: AttributionView['spans'],
  colours: ReadonlyMap<Hex, Style>,
  marks: ReadonlyMap<Hex, string>,
  { paint }: Output,
): string {
  const bytes = new TextEncoder().encode(text);
  const decode = (start: number, end: number) =>
    printable(new TextDecoder().decode(bytes.subarray(start, end)));
  let shown = '';
  let at = 0;
  for (const span of [...spans].sort((a, b) => a.startByte - b.startByte)) {
    if (span.startByte < at || span.endByte > bytes.length) continue;
    shown += decode(at, span.startByte);
    shown += paint(
      colours.get(span.contributor)!,
      `[${marks.get(span.contributor)} ${decode(span.startByte, span.endByte)}]`,
    );
    at = span.endByte;
  }
  return shown + decode(at, bytes.length);
}

/** a ... z, then a1 ... */
function markOf(index: number): string {
  const letter = String.fromCharCode(97 + (index % 26));
  return index < 26 ? letter : `${letter}${Math.floor(index / 26)}`;
}

function percent(parts: number): string {
  return `${((parts / WHOLE) * 100).toFixed(2)} %`;
}

function bar(parts: number): string {
  return '█'.repeat(Math.round((parts / WHOLE) * 20));
}
