import { ELEMENTWISE } from './elementwise.ts';
import { LAYOUT } from './layout.ts';
import { MATRIX } from './matrix.ts';
import { QUANTISE } from './quantise.ts';
import { REDUCE } from './reduce.ts';
import type { OperatorRule } from './rule.ts';
import { WINDOW } from './window.ts';

/** The allow-list: whatever is not here is refused. A Map, because names come from files. */
export const OPERATORS: ReadonlyMap<string, OperatorRule> = new Map(
  [ELEMENTWISE, MATRIX, WINDOW, REDUCE, LAYOUT, QUANTISE].flatMap((group) => Object.entries(group)),
);

/** Operators with graphs inside, named so that their refusal says what they are. */
export const CONTROL_FLOW: ReadonlySet<string> = new Set(['If', 'Loop', 'Scan', 'SequenceMap']);
