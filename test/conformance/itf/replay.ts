/** Replays one trace, whatever part of the model it shows. */
import { agree } from './agree.ts';
import { instancesOf, parseTrace, show, type Tagged, type Trace, variableOf } from './itf.ts';
import { createKeeper } from './keeper.ts';
import { createMachine, showOutput, showState } from './machine.ts';
import { type Bookkeeper, type ConsensusState, type ModelVote, membersOf } from './model.ts';
import { DIFFERENCES, type Note, replaySystem } from './system.ts';

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
    const reason = `no variables of the consensus model: ${namesIn(trace).join(', ')}`;
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

/** Every part of the model that the trace shows, each under the name of its instance, if it has one. */
function followerOf(trace: Trace, note: Note): Follow | undefined {
  const names = namesIn(trace);
  const follows = [
    ...instancesOf(names, 'weightedVote').map((prefix) => followKeeper(trace, prefix, note)),
    ...instancesOf(names, 'input')
      .filter((prefix) => names.includes(`${prefix}state`))
      .map((prefix) => followMachine(trace, prefix)),
    ...instancesOf(names, 'system').map((prefix) => replaySystem(trace, prefix, note)),
  ];
  if (follows.length === 0) return undefined;
  return (index) => {
    for (const follow of follows) follow(index);
  };
}

/** Variables of all states: one that lacks some is no trace of something else. */
function namesIn(trace: Trace): string[] {
  return [...new Set(trace.states.flatMap((state) => Object.keys(state)))];
}

/** Equal neighbours are the model looking at a state, not doing something again. */
function isRepeated(trace: Trace, index: number): boolean {
  return index > 0 && show(trace.states[index]) === show(trace.states[index - 1]);
}

function followMachine(trace: Trace, prefix: string): Follow {
  const at = (index: number) => ({
    input: variableOf<Tagged>(trace, index, `${prefix}input`),
    output: variableOf<Tagged>(trace, index, `${prefix}output`),
    state: variableOf<ConsensusState>(trace, index, `${prefix}state`),
  });
  const { p, height } = at(0).state;
  const machine = createMachine(p, height);
  return (index) => {
    const { input, output, state } = at(index);
    if (input.tag !== 'NoConsensusInput' && !isRepeated(trace, index))
      agree(`output for ${show(input)}`, showOutput(machine.take(input)), showOutput(output));
    agree('process and height', `${p}, ${height}`, `${state.p}, ${state.height}`);
    agree(`state after ${show(input)}`, machine.state(), showState(state));
  };
}

function followKeeper(trace: Trace, prefix: string, note: Note): Follow {
  const at = (index: number) => ({
    weightedVote: variableOf<Tagged>(trace, index, `${prefix}weightedVote`),
    lastEmitted: variableOf<Tagged>(trace, index, `${prefix}lastEmitted`),
    bookkeeper: variableOf<Bookkeeper>(trace, index, `${prefix}bookkeeper`),
  });
  const { height, validatorSet, evidence } = at(0).bookkeeper;
  const keeper = createKeeper(membersOf(validatorSet), height);
  let accusations = evidence.length;
  return (index) => {
    const { weightedVote, lastEmitted, bookkeeper } = at(index);
    if (weightedVote.tag === 'WV' && !isRepeated(trace, index)) {
      const [vote, weight, currentRound] = weightedVote.value as [ModelVote, number, number];
      agree(`weight of ${vote.srcAddress}`, String(validatorSet.get(vote.srcAddress)), String(weight));
      const withheld = keeper.contradicts(vote);
      if (withheld) {
        note('second vote');
        if (!keeper.hasWithheld(vote)) accusations++;
      }
      const found = withheld
        ? keeper.withhold(vote, currentRound, lastEmitted)
        : keeper.take(vote, currentRound, lastEmitted);
      agree(`emitted for ${show(vote)}`, show(found), show(lastEmitted));
    }
    agree('accusations', String(accusations), String(bookkeeper.evidence.length));
    keeper.compare(`votes after ${show(weightedVote)}`, bookkeeper);
  };
}
