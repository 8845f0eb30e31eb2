/**
 * Algorithm 1 of arXiv 1807.04938 line by line: which branches of the state machine run through a line, and whether the
 * line is a guard, which the sources must name. Lines 1-10 only declare variables and start height 1.
 */
import type { Branch } from '../../../consensus/state-machine/state.ts';

/** Beside the branches: line 56, a round entered that no timeout led to, and lines 52-54, the height after a decision. */
export type Reached = Branch | 'L56 skip' | 'L54 next height';

export interface PaperLine {
  readonly line: number;
  /** In our words. */
  readonly does: string;
  readonly isGuard?: true;
  /** Taking any of these runs the line. */
  readonly by: readonly Reached[];
}

const START: readonly Reached[] = ['L16 propose validValue', 'L18 getValue', 'L21 schedule propose timeout'];
const PROPOSER: readonly Reached[] = ['L16 propose validValue', 'L18 getValue'];
const FRESH: readonly Reached[] = ['L24 prevote fresh value', 'L26 prevote nil for fresh value'];
const REPEATED: readonly Reached[] = ['L30 prevote value with polka', 'L32 prevote nil against lock'];
const POLKA: readonly Reached[] = ['L38 lock and precommit', 'L42 update validValue only'];

const does = (line: number, text: string, ...by: readonly Reached[]): PaperLine => ({ line, does: text, by });
const guard = (line: number, text: string, ...by: readonly Reached[]): PaperLine => ({
  line,
  does: text,
  isGuard: true,
  by,
});

export const PAPER: readonly PaperLine[] = [
  does(11, 'a round starts', ...START),
  does(12, 'it becomes the round', ...START),
  does(13, 'the step is propose', ...START),
  guard(14, 'am I its proposer?', ...START),
  guard(15, 'is there a valid value?', ...PROPOSER),
  does(16, 'propose it again', 'L16 propose validValue'),
  does(17, 'else', 'L18 getValue'),
  does(18, 'ask for a new one', 'L18 getValue'),
  does(19, 'send the proposal', 'L16 propose validValue', 'L19 propose new value'),
  does(20, 'else', 'L21 schedule propose timeout'),
  does(21, 'wait for the proposal, not for ever', 'L21 schedule propose timeout'),
  guard(22, 'a fresh proposal in step propose', ...FRESH),
  guard(23, 'valid, and no lock on another', ...FRESH),
  does(24, 'prevote it', 'L24 prevote fresh value'),
  does(25, 'else', 'L26 prevote nil for fresh value'),
  does(26, 'prevote nil', 'L26 prevote nil for fresh value'),
  does(27, 'the step is prevote', ...FRESH),
  guard(28, 'a repeated proposal with its polka, in step propose', ...REPEATED),
  guard(29, 'valid, and no later lock on another', ...REPEATED),
  does(30, 'prevote it', 'L30 prevote value with polka'),
  does(31, 'else', 'L32 prevote nil against lock'),
  does(32, 'prevote nil', 'L32 prevote nil against lock'),
  does(33, 'the step is prevote', ...REPEATED),
  guard(34, 'two thirds prevoted something, in step prevote', 'L35 schedule prevote timeout'),
  does(35, 'wait for a polka, not for ever', 'L35 schedule prevote timeout'),
  guard(36, 'a polka for the proposal of this round', ...POLKA),
  guard(37, 'still in step prevote?', ...POLKA),
  does(38, 'lock the value', 'L38 lock and precommit'),
  does(39, 'in this round', 'L38 lock and precommit'),
  does(40, 'precommit it', 'L38 lock and precommit'),
  does(41, 'the step is precommit', 'L38 lock and precommit'),
  does(42, 'it is the valid value', ...POLKA),
  does(43, 'of this round', ...POLKA),
  guard(44, 'a polka for nil, in step prevote', 'L45 precommit nil'),
  does(45, 'precommit nil', 'L45 precommit nil'),
  does(46, 'the step is precommit', 'L45 precommit nil'),
  guard(47, 'two thirds precommitted something', 'L48 schedule precommit timeout'),
  does(48, 'wait for a decision, not for ever', 'L48 schedule precommit timeout'),
  guard(49, 'two thirds precommitted a value, in any round', 'L51 decide'),
  does(50, 'it is valid', 'L51 decide'),
  does(51, 'decide it', 'L51 decide'),
  does(52, 'the next height', 'L54 next height'),
  does(53, 'forgets the variables', 'L54 next height'),
  does(54, 'and starts in round 0', 'L54 next height'),
  guard(55, 'a third of the power is in a later round', 'L56 skip'),
  does(56, 'go there', 'L56 skip'),
  guard(57, 'the propose timeout of this round, in step propose', 'L59 prevote nil on timeout'),
  does(58, 'if nothing has moved since', 'L59 prevote nil on timeout'),
  does(59, 'prevote nil', 'L59 prevote nil on timeout'),
  does(60, 'the step is prevote', 'L59 prevote nil on timeout'),
  guard(61, 'the prevote timeout of this round, in step prevote', 'L63 precommit nil on timeout'),
  does(62, 'if nothing has moved since', 'L63 precommit nil on timeout'),
  does(63, 'precommit nil', 'L63 precommit nil on timeout'),
  does(64, 'the step is precommit', 'L63 precommit nil on timeout'),
  guard(65, 'the precommit timeout of this round', 'L67 next round'),
  does(66, 'if nothing has moved since', 'L67 next round'),
  does(67, 'the next round starts', 'L67 next round'),
];

/** Line numbers that a source text names: L22, L11-L21, line 49, lines 22 and 28. */
export function linesNamed(source: string): Set<number> {
  const named = new Set<number>();
  for (const [, from, to] of source.matchAll(/\bL(\d+)(?:-L?(\d+))?/g))
    for (let line = Number(from); line <= Number(to ?? from); line++) named.add(line);
  for (const [, list] of source.matchAll(/\b[Ll]ines? (\d+(?:(?:, | and |-)\d+)*)/g))
    for (const number of list!.matchAll(/\d+/g)) named.add(Number(number[0]));
  return named;
}
