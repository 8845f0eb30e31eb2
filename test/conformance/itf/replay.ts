/** Replays one trace, whatever part of the model it shows. */
import { agree } from './agree.ts';
import { parseTrace, show, type Tagged, type Trace, variablesOf } from './itf.ts';
import { createKeeper, showBookkeeper } from './keeper.ts';
import { createMachine, showOutput, showState } from './machine.ts';
import { type Bookkeeper, type ConsensusState, type ModelVote, membersOf } from './model.ts';
import { DIFFERENCES, type Note, replaySystem, systemsOf } from './system.ts';

export type Outcome = {
  /** States of the trace, the initial one included. */
  readonly steps: number;
  /** States that were reached, and equal. */
  readonly followed: number;
  readonly differences: Differences;
} & (
  | { readonly result: 'passed' }
  | { readonly result: 'failed'; readonly why: string }
  | { readonly result: 'skipped'; readonly reason: string }
);

/** How often our core was let off because it deliberately does otherwise, by what the model does. */
export type Differences = ReadonlyMap<string, number>;

/** Follows a trace up to the first state that differs. @throws Error if the text is no trace */
export function replayTrace(text: string): Outcome {
  const trace = parseTrace(text);
  const steps = trace.states.length;
  const differences = new Map<string, number>();
  const note: Note = (difference) => {
    const text = DIFFERENCES[difference];
    differences.set(text, (differences.get(text) ?? 0) + 1);
  };
  let follow: Follow | undefined;
  try {
    follow = followerOf(trace, note);
  } catch (error) {
    return { result: 'failed', steps, followed: 0, differences, why: (error as Error).message };
  }
  if (follow === undefined) {
    const reason = `no variables of the consensus model: ${Object.keys(trace.states[0]!).join(', ')}`;
    return { result: 'skipped', steps, followed: 0, differences, reason };
  }
  let followed = 0;
  try {
    for (; followed < steps; followed++) follow(followed);
  } catch (error) {
    // Whatever our core throws on the way is its failure as well.
    return { result: 'failed', steps, followed, differences, why: (error as Error).message };
  }
  return { result: 'passed', steps, followed, differences };
}

type Follow = (index: number) => void;

function followerOf(trace: Trace, note: Note): Follow | undefined {
  const names = Object.keys(trace.states[0]!);
  if (names.includes('weightedVote')) return followKeeper(trace);
  if (names.includes('input') && names.includes('state')) return followMachine(trace);
  const systems = systemsOf(names).map((system) => replaySystem(trace, system, note));
  if (systems.length === 0) return undefined;
  return (index) => {
    for (const follow of systems) follow(index);
  };
}

/** Equal neighbours are the model looking at a state, not doing something again. */
function isRepeated(trace: Trace, index: number): boolean {
  return index > 0 && show(trace.states[index]) === show(trace.states[index - 1]);
}

function followMachine(trace: Trace): Follow {
  const at = (index: number) =>
    variablesOf<{ input: Tagged; output: Tagged; state: ConsensusState }>(
      trace,
      index,
      'input',
      'output',
      'state',
    );
  const { p, height } = at(0).state;
  const machine = createMachine(p, height);
  return (index) => {
    const { input, output, state } = at(index);
    if (input.tag !== 'NoConsensusInput' && !isRepeated(trace, index))
      agree(`output for ${show(input)}`, showOutput(machine.take(input)), showOutput(output));
    agree(`state after ${show(input)}`, machine.state(), showState(state));
  };
}

function followKeeper(trace: Trace): Follow {
  const at = (index: number) =>
    variablesOf<{ weightedVote: Tagged; lastEmitted: Tagged; bookkeeper: Bookkeeper }>(
      trace,
      index,
      'weightedVote',
      'lastEmitted',
      'bookkeeper',
    );
  const keeper = createKeeper(membersOf(at(0).bookkeeper.validatorSet));
  return (index) => {
    const { weightedVote, lastEmitted, bookkeeper } = at(index);
    if (weightedVote.tag === 'WV' && !isRepeated(trace, index)) {
      const [vote, , currentRound] = weightedVote.value as [ModelVote, number, number];
      agree(`emitted for ${show(vote)}`, show(keeper.take(vote, currentRound)), show(lastEmitted));
    }
    agree(`votes after ${show(weightedVote)}`, keeper.state(), showBookkeeper(bookkeeper));
  };
}
