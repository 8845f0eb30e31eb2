/** Our state machine behind the model's inputs and outputs. */
import {
  INITIAL_STATE,
  type MachineEvent,
  type MachineOutput,
  type MachineState,
} from '../../../consensus/state-machine/state.ts';
import { transition } from '../../../consensus/state-machine/transition.ts';
import { asRound, type Hash } from '../../../consensus/types.ts';
import { show, type Tagged } from './itf.ts';
import { blockOf, type ConsensusState, hashOf, type ModelValue, nameOf, valueFor } from './model.ts';

export interface Machine {
  /** Takes one input of the model and gives the outputs, as the model would say them. */
  take(input: Tagged, hint?: { validRound: number }): Tagged;
  /** The step, as the model would name it. */
  step(): string;
  round(): number;
  /** The variables, as the model would name them. */
  state(): string;
}

const STEPS = {
  newRound: 'NoStep',
  propose: 'ProposeStep',
  prevote: 'PrevoteStep',
  precommit: 'PrecommitStep',
  commit: 'CommitStep',
} as const;

const TIMEOUTS = {
  propose: 'ProposeTimeout',
  prevote: 'PrevoteTimeout',
  precommit: 'PrecommitTimeout',
} as const;

export function showState(state: Omit<ConsensusState, 'p' | 'height'>): string {
  const { round, step, lockedValue, lockedRound, validValue, validRound } = state;
  return `round ${round} ${step.tag} locked ${show(lockedValue)}@${lockedRound} valid ${show(validValue)}@${validRound}`;
}

const NONE: Tagged = { tag: 'NoConsensusOutput', value: [] };
const nothing = (tag: string): Tagged => ({ tag, value: [] });

/** A machine for one height of one process. */
export function createMachine(process: string, height: number): Machine {
  let state = INITIAL_STATE;
  /** Between lines 67 and 11 the model shows a step of its own; our driver goes through without stopping. */
  let leaving = false;
  return {
    step,
    round: () => state.round,
    state: () => showState({ ...modelVariables(state), step: nothing(step()) }),
    take(input, hint) {
      // Line 55 alone has no event: our driver answers f+1 votes of a later round with startRound.
      if (input.tag === 'RoundSkipCInput') {
        if (state.step === 'commit' || (input.value as number) <= state.round) return NONE;
        leaving = true;
        return { tag: 'SkipRoundOutput', value: input.value };
      }
      const result = transition(state, eventOf(input, state.round, hint));
      state = result.state;
      if (result.branch !== undefined) leaving = result.outputs.some((output) => output.kind === 'nextRound');
      return outputOf(result.outputs, process, height);
    },
  };

  function step(): string {
    return leaving ? 'UnstartedStep' : STEPS[state.step];
  }
}

/** Our variables under the model's names. */
export function modelVariables(state: MachineState): Omit<ConsensusState, 'p' | 'height'> {
  return {
    round: state.round,
    step: nothing(STEPS[state.step]),
    lockedValue: valueFor(state.lockedValue),
    lockedRound: state.lockedRound,
    validValue: valueFor(state.validValue),
    validRound: state.validRound,
  };
}

function eventOf(input: Tagged, current: number, hint?: { validRound: number }): MachineEvent {
  const { tag, value } = input;
  const pair = value as readonly [number, number];
  switch (tag) {
    case 'NewRoundCInput':
    case 'NewRoundProposerCInput':
      return {
        kind: 'startRound',
        round: asRound(value as number),
        isProposer: tag === 'NewRoundProposerCInput',
      };
    case 'ProposeValueCInput':
      return { kind: 'valueBuilt', round: asRound(current), blockHash: hashOf(value as string) };
    case 'ProposalCInput':
      return { kind: 'proposal', blockHash: blockIn((value as [number, ModelValue])[1]), acceptable: true };
    case 'ProposalInvalidCInput':
      // The model does not say which value it was.
      return { kind: 'proposal', blockHash: hashOf('invalid'), acceptable: false };
    case 'ProposalAndPolkaPreviousAndValidCInput': {
      const [proposed, validRound] = value as [ModelValue, number];
      return {
        kind: 'proposalWithPolka',
        blockHash: blockIn(proposed),
        validRound: asRound(validRound),
        acceptable: true,
      };
    }
    case 'ProposalAndPolkaAndInvalidCInput': {
      // The model names no round; it is the one that the proposal named.
      if (hint === undefined) throw new Error(`${tag} without its proposal`);
      const { validRound } = hint;
      const blockHash = blockIn(value as ModelValue);
      return { kind: 'proposalWithPolka', blockHash, validRound: asRound(validRound), acceptable: false };
    }
    case 'ProposalAndPolkaAndValidCInput':
      return { kind: 'polkaValue', blockHash: blockIn(value as ModelValue) };
    case 'PolkaAnyCInput':
      return { kind: 'polkaAny' };
    case 'PolkaNilCInput':
      return { kind: 'polkaNil' };
    case 'PrecommitAnyCInput':
      return { kind: 'precommitAny' };
    case 'ProposalAndCommitAndValidCInput': {
      const [round, decided] = value as [number, string];
      return { kind: 'commitValue', round: asRound(round), blockHash: hashOf(decided) };
    }
    case 'TimeoutProposeCInput':
      return { kind: 'timeoutPropose', round: asRound(pair[1]) };
    case 'TimeoutPrevoteCInput':
      return { kind: 'timeoutPrevote', round: asRound(pair[1]) };
    case 'TimeoutPrecommitCInput':
      return { kind: 'timeoutPrecommit', round: asRound(pair[1]) };
    default:
      throw new Error(`the adapter does not know the input ${tag}`);
  }
}

function blockIn(value: ModelValue): Hash {
  const hash = blockOf(value);
  if (hash === null) throw new Error('a proposal of nil');
  return hash;
}

/** What the model says for our outputs. It has one output an input; ours asks for a value and starts a timeout in two. */
function outputOf(outputs: readonly MachineOutput[], process: string, height: number): Tagged {
  const [first, second] = outputs;
  if (first === undefined) return NONE;
  if (first.kind === 'getValue' && second?.kind === 'scheduleTimeout' && outputs.length === 2)
    return {
      tag: 'GetValueAndScheduleTimeoutOutput',
      value: [height, first.round, nothing(TIMEOUTS[second.timeout])],
    };
  if (second !== undefined) throw new Error(`several outputs: ${outputs.map(({ kind }) => kind).join(', ')}`);
  return modelOutput(first, process, height);
}

export function modelOutput(output: MachineOutput, process: string, height: number): Tagged {
  switch (output.kind) {
    case 'propose':
      return {
        tag: 'ProposalOutput',
        value: {
          srcAddress: process,
          height,
          round: output.round,
          proposal: nameOf(output.blockHash),
          validRound: output.validRound,
        },
      };
    case 'prevote':
    case 'precommit':
      return {
        tag: 'VoteOutput',
        value: {
          srcAddress: process,
          height,
          round: output.round,
          valueId: valueFor(output.blockHash),
          voteType: nothing(output.kind === 'prevote' ? 'Prevote' : 'Precommit'),
        },
      };
    case 'scheduleTimeout':
      return { tag: 'TimeoutOutput', value: [output.round, nothing(TIMEOUTS[output.timeout])] };
    case 'nextRound':
      return { tag: 'SkipRoundOutput', value: output.round };
    case 'decide':
      return { tag: 'DecidedOutput', value: [output.round, nameOf(output.blockHash)] };
    case 'getValue':
      return { tag: 'GetValueOutput', value: [height, output.round] };
  }
}

/** The model reports an input that its guards hold back as an error; ours stays silent. Both leave all as it was. */
export function showOutput(output: Tagged): string {
  return show(output.tag === 'ErrorOutput' ? NONE : output);
}
