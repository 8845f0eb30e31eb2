/** An answer on a terminal, its words coloured by who is credited, and who was paid how much. */
import type { Hex } from '../../state/types.ts';
import { checksumAddress } from '../keys/hex.ts';
import { formatAmount } from './amounts.ts';
import { shortId } from './chain-data.ts';
import type { CitationAnswer, ShownAnswer, SpanAnswer } from './inference-data.ts';
import { type Output, printable, type Style, table } from './output.ts';

/** Colours that are told apart on light and dark terminals; contributors beyond them share the last. */
const PALETTE: readonly Style[] = ['green', 'cyan', 'magenta', 'yellow', 'blue', 'red'];
const WHOLE = 1_000_000_000;
/** Characters of a bar for the whole data pool. */
const BAR_WIDTH = 20;
/** Characters of a cited record's beginning: with the rest of its line as wide as a terminal. */
const EXCERPT_CHARS = 48;

export function attributionLines({ prompt, output, attribution }: ShownAnswer, out: Output): string[] {
  const { credits, uncovered, spans, citations, note } = attribution;
  const colours = new Map<Hex, Style>();
  for (const { contributor } of [...credits, ...(spans ?? []), ...(citations ?? [])])
    if (!colours.has(contributor))
      colours.set(contributor, PALETTE[Math.min(colours.size, PALETTE.length - 1)]!);
  const marks = new Map([...colours.keys()].map((contributor, i) => [contributor, markOf(i)]));
  const rows = table([
    ['', 'contributor', 'of data pool', 'paid', ''],
    ...credits.map(({ contributor, parts, amount }) => [
      marks.get(contributor)!,
      checksumAddress(contributor),
      percent(parts),
      amount === null ? '' : formatAmount(BigInt(amount)),
      bar(parts),
    ]),
    ['', 'nobody (uncovered)', percent(uncovered), '', bar(uncovered)],
  ]).map((line) => line.trimEnd());
  return [
    `${out.paint('dim', 'Prompt:')} ${printable(prompt)}`,
    '',
    spans === null ? printable(output) : colourText(output, spans, colours, marks, out),
    ...(attribution.spansMissing === undefined
      ? []
      : [out.paint('dim', `(no colours: ${attribution.spansMissing})`)]),
    ...(citations === null ? [] : citationLines(citations, colours, marks, out)),
    '',
    ...rows.map((line, i) => {
      const credit = credits[i - 1];
      if (i === 0) return out.paint('dim', line);
      return credit ? out.paint(colours.get(credit.contributor)!, line) : line;
    }),
    '',
    ...(attribution.verified === false ? [out.paint('red', 'This node computes another attribution.')] : []),
    out.paint('dim', note),
  ];
}

/** What the prompt found, the nearest first; each marked and coloured as its contributor is below. */
function citationLines(
  citations: readonly CitationAnswer[],
  colours: ReadonlyMap<Hex, Style>,
  marks: ReadonlyMap<Hex, string>,
  { paint }: Output,
): string[] {
  if (citations.length === 0) return ['', paint('dim', 'The prompt finds no record.')];
  const rows = table([
    ['', 'cited record', 'score', ''],
    ...citations.map(({ contributor, contributionId, recordIndex, score, excerpt }) => [
      marks.get(contributor)!,
      `${shortId(contributionId)} #${recordIndex}`,
      String(score),
      printable((excerpt ?? '').replace(/\s+/g, ' ').slice(0, EXCERPT_CHARS)),
    ]),
  ]).map((line) => line.trimEnd());
  return [
    '',
    ...rows.map((line, i) => {
      const citation = citations[i - 1];
      return citation ? paint(colours.get(citation.contributor)!, line) : paint('dim', line);
    }),
  ];
}

/**
 * Spans stand on byte positions of the UTF-8. Besides by colour each is marked with its contributor's letter, so that
 * the text can be read without colours: `[a words of theirs]`.
 */
function colourText(
  text: string,
  spans: readonly SpanAnswer[],
  colours: ReadonlyMap<Hex, Style>,
  marks: ReadonlyMap<Hex, string>,
  { paint }: Output,
): string {
  const bytes = new TextEncoder().encode(text);
  const decode = (start: number, end: number) =>
    printable(new TextDecoder().decode(bytes.subarray(start, end)));
  let shown = '';
  let at = 0;
  for (const { startByte, endByte, contributor } of [...spans].sort((a, b) => a.startByte - b.startByte)) {
    if (startByte < at || endByte > bytes.length) continue;
    shown += decode(at, startByte);
    shown += paint(colours.get(contributor)!, `[${marks.get(contributor)} ${decode(startByte, endByte)}]`);
    at = endByte;
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
  return '█'.repeat(Math.round((parts / WHOLE) * BAR_WIDTH));
}
