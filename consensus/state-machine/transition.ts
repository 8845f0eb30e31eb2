/**
 * Algorithm 1 of arXiv 1807.04938 as one pure function. It has no clock, no keys, no messages and no network:
 * the driver finds the events, the shell carries out the outputs. The quoted lines are the paper's.
 */
import { asRound, type Hash, NO_ROUND } from '../types.ts';
import type { Branch, MachineEvent, MachineOutput, MachineState, Transition } from './state.ts';

export function transition(state: MachineState, event: MachineEvent): Transition {
  // After line 51 this height is over; the next one starts with a new state (lines 52-54).
  if (state.step === 'commit') return stay(state);
  switch (event.kind) {
    case 'startRound':
      return startRound(state, event.round, event.isProposer);
    case 'valueBuilt':
      return valueBuilt(state, event);
    case 'proposal':
      return onProposal(state, event);
    case 'proposalWithPolka':
      return onProposalWithPolka(state, event);
    case 'polkaAny':
      return onPolkaAny(state);
    case 'polkaValue':
      return onPolkaValue(state, event.blockHash);
    case 'polkaNil':
      return onPolkaNil(state);
    case 'precommitAny':
      return onPrecommitAny(state);
    case 'commitValue':
      return onCommitValue(state, event);
    case 'timeoutPropose':
      return onTimeoutPropose(state, event.round);
    case 'timeoutPrevote':
      return onTimeoutPrevote(state, event.round);
    case 'timeoutPrecommit':
      return onTimeoutPrecommit(state, event.round);
  }
}

function stay(state: MachineState): Transition {
  return { state, outputs: [], branch: undefined };
}

function take(state: MachineState, branch: Branch, ...outputs: MachineOutput[]): Transition {
  return { state, outputs, branch };
}

/** L11-L21. Rounds only grow: a start of a round already left is held back (L55's guard round > round_p). */
function startRound(state: MachineState, round: number, isProposer: boolean): Transition {
  if (round <= state.round) return stay(state);
  const started: MachineState = {
    ...state,
    round: asRound(round),
    step: 'propose',
    fired: { line34: false, line36: false, line47: false },
  };
  const at = asRound(round);
  // L14: if proposer(h_p, round_p) = p
  if (!isProposer)
    return take(started, 'L21 schedule propose timeout', {
      kind: 'scheduleTimeout',
      timeout: 'propose',
      round: at,
    });
  // L15-16: if validValue_p != nil then proposal <- validValue_p
  if (state.validValue !== null)
    return take(started, 'L16 propose validValue', {
      kind: 'propose',
      round: at,
      blockHash: state.validValue,
      validRound: state.validRound,
    });
  // L18: proposal <- getValue(). Building takes time and may fail, so the proposer keeps L21's timeout as well.
  return take(
    started,
    'L18 getValue',
    { kind: 'getValue', round: at },
    { kind: 'scheduleTimeout', timeout: 'propose', round: at },
  );
}

/** L19: broadcast <PROPOSAL, h_p, round_p, proposal, validRound_p>, unless the round or the step has moved on. */
function valueBuilt(state: MachineState, event: { round: number; blockHash: Hash }): Transition {
  if (state.round !== event.round || state.step !== 'propose' || state.validValue !== null)
    return stay(state);
  return take(state, 'L19 propose new value', {
    kind: 'propose',
    round: asRound(event.round),
    blockHash: event.blockHash,
    validRound: NO_ROUND,
  });
}

/** L22: upon <PROPOSAL, h_p, round_p, v, -1> from proposer(h_p, round_p) while step_p = propose do */
function onProposal(state: MachineState, event: { blockHash: Hash; acceptable: boolean }): Transition {
  if (state.step !== 'propose' || state.round === NO_ROUND) return stay(state);
  const next: MachineState = { ...state, step: 'prevote' };
  // L23: if valid(v) and (lockedRound_p = -1 or lockedValue_p = v)
  if (event.acceptable && (state.lockedRound === NO_ROUND || state.lockedValue === event.blockHash))
    return take(next, 'L24 prevote fresh value', {
      kind: 'prevote',
      round: state.round,
      blockHash: event.blockHash,
    });
  return take(next, 'L26 prevote nil for fresh value', {
    kind: 'prevote',
    round: state.round,
    blockHash: null,
  });
}

/**
 * L28: upon <PROPOSAL, h_p, round_p, v, vr> from proposer(h_p, round_p) and 2f+1 <PREVOTE, h_p, vr, id(v)>
 * while step_p = propose and (vr >= 0 and vr < round_p) do
 */
function onProposalWithPolka(
  state: MachineState,
  event: { blockHash: Hash; validRound: number; acceptable: boolean },
): Transition {
  if (state.step !== 'propose' || state.round === NO_ROUND) return stay(state);
  if (event.validRound < 0 || event.validRound >= state.round) return stay(state);
  const next: MachineState = { ...state, step: 'prevote' };
  // L29: if valid(v) and (lockedRound_p <= vr or lockedValue_p = v)
  if (event.acceptable && (state.lockedRound <= event.validRound || state.lockedValue === event.blockHash))
    return take(next, 'L30 prevote value with polka', {
      kind: 'prevote',
      round: state.round,
      blockHash: event.blockHash,
    });
  return take(next, 'L32 prevote nil against lock', { kind: 'prevote', round: state.round, blockHash: null });
}

/** L34: upon 2f+1 <PREVOTE, h_p, round_p, *> while step_p = prevote for the first time do */
function onPolkaAny(state: MachineState): Transition {
  if (state.step !== 'prevote' || state.round === NO_ROUND || state.fired.line34) return stay(state);
  return take({ ...state, fired: { ...state.fired, line34: true } }, 'L35 schedule prevote timeout', {
    kind: 'scheduleTimeout',
    timeout: 'prevote',
    round: state.round,
  });
}

/**
 * L36: upon <PROPOSAL, h_p, round_p, v, *> from proposer(h_p, round_p) and 2f+1 <PREVOTE, h_p, round_p, id(v)>
 * while valid(v) and step_p >= prevote for the first time do
 */
function onPolkaValue(state: MachineState, blockHash: Hash): Transition {
  if (
    (state.step !== 'prevote' && state.step !== 'precommit') ||
    state.round === NO_ROUND ||
    state.fired.line36
  )
    return stay(state);
  // L42-43: validValue_p <- v, validRound_p <- round_p
  const valid: MachineState = {
    ...state,
    validValue: blockHash,
    validRound: state.round,
    fired: { ...state.fired, line36: true },
  };
  // L37: if step_p = prevote
  if (state.step !== 'prevote') return take(valid, 'L42 update validValue only');
  // L38-41
  return take(
    { ...valid, lockedValue: blockHash, lockedRound: state.round, step: 'precommit' },
    'L38 lock and precommit',
    {
      kind: 'precommit',
      round: state.round,
      blockHash,
    },
  );
}

/** L44: upon 2f+1 <PREVOTE, h_p, round_p, nil> while step_p = prevote do */
function onPolkaNil(state: MachineState): Transition {
  if (state.step !== 'prevote' || state.round === NO_ROUND) return stay(state);
  return take({ ...state, step: 'precommit' }, 'L45 precommit nil', {
    kind: 'precommit',
    round: state.round,
    blockHash: null,
  });
}

/** L47: upon 2f+1 <PRECOMMIT, h_p, round_p, *> for the first time do */
function onPrecommitAny(state: MachineState): Transition {
  if (state.round === NO_ROUND || state.fired.line47) return stay(state);
  return take({ ...state, fired: { ...state.fired, line47: true } }, 'L48 schedule precommit timeout', {
    kind: 'scheduleTimeout',
    timeout: 'precommit',
    round: state.round,
  });
}

/** L49: upon <PROPOSAL, h_p, r, v, *> and 2f+1 <PRECOMMIT, h_p, r, id(v)> while decision_p[h_p] = nil do */
function onCommitValue(state: MachineState, event: { round: number; blockHash: Hash }): Transition {
  const decision = { blockHash: event.blockHash, round: asRound(event.round) };
  return take({ ...state, step: 'commit', decision }, 'L51 decide', { kind: 'decide', ...decision });
}

/** L57: OnTimeoutPropose(height, round): if height = h_p and round = round_p and step_p = propose then */
function onTimeoutPropose(state: MachineState, round: number): Transition {
  if (round !== state.round || state.step !== 'propose') return stay(state);
  const at = asRound(round);
  return take({ ...state, step: 'prevote' }, 'L59 prevote nil on timeout', {
    kind: 'prevote',
    round: at,
    blockHash: null,
  });
}

/** L61: OnTimeoutPrevote(height, round): if height = h_p and round = round_p and step_p = prevote then */
function onTimeoutPrevote(state: MachineState, round: number): Transition {
  if (round !== state.round || state.step !== 'prevote') return stay(state);
  const at = asRound(round);
  return take({ ...state, step: 'precommit' }, 'L63 precommit nil on timeout', {
    kind: 'precommit',
    round: at,
    blockHash: null,
  });
}

/** L65: OnTimeoutPrecommit(height, round): if height = h_p and round = round_p then StartRound(round_p + 1) */
function onTimeoutPrecommit(state: MachineState, round: number): Transition {
  if (round !== state.round) return stay(state);
  return take(state, 'L67 next round', { kind: 'nextRound', round: asRound(round + 1) });
}
