/**
 * Traces of a Tendermint model through our state machine, vote keeper and driver. The traces stand beside the
 * checkout, if at all; a short one of our own shows without them that the replay follows and that it can fail.
 */
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { membersOf } from '../../conformance/itf/model.ts';
import { replayTrace } from '../../conformance/itf/replay.ts';
import { defaultTraces } from '../../conformance/itf/traces.ts';
import { jsonFiles } from '../../conformance/state/fixtures.ts';

const NIL = { tag: 'Nil', value: { '#tup': [] } };
const red = { tag: 'Val', value: 'red' };
const number = (value: number) => ({ '#bigint': String(value) });
const bare = (tag: string) => ({ tag, value: { '#tup': [] } });

function variables(step: string, changed: object = {}): object {
  return {
    p: 'v1',
    height: number(1),
    round: number(0),
    step: bare(step),
    lockedValue: NIL,
    lockedRound: number(-1),
    validValue: NIL,
    validRound: number(-1),
    ...changed,
  };
}

function vote(voteType: string): object {
  const value = {
    srcAddress: 'v1',
    height: number(1),
    round: number(0),
    valueId: red,
    voteType: bare(voteType),
  };
  return { tag: 'VoteOutput', value };
}

/** Lines 11, 22 and 36 at a process that does not propose. */
function shortTrace(locked: object): string {
  const states = [
    {
      input: bare('NoConsensusInput'),
      output: bare('NoConsensusOutput'),
      state: variables('NoStep', { round: number(-1) }),
    },
    {
      input: { tag: 'NewRoundCInput', value: number(0) },
      output: { tag: 'TimeoutOutput', value: { '#tup': [number(0), bare('ProposeTimeout')] } },
      state: variables('ProposeStep'),
    },
    {
      input: { tag: 'ProposalCInput', value: { '#tup': [number(0), red] } },
      output: vote('Prevote'),
      state: variables('PrevoteStep'),
    },
    {
      input: { tag: 'ProposalAndPolkaAndValidCInput', value: red },
      output: vote('Precommit'),
      state: variables('PrecommitStep', { validValue: red, validRound: number(0), ...locked }),
    },
  ];
  return JSON.stringify({ '#meta': { format: 'ITF' }, vars: ['state', 'input', 'output'], states });
}

const WEIGHTS = { '#map': ['v1', 'v2', 'v3', 'v4'].map((name) => [name, number(1)]) };

/** One process of four, before and after it enters round 0. */
function systemTrace(): string {
  const node = (cs: object, es: object, timeouts: object[]): object => ({
    es: {
      bk: {
        height: number(0),
        rounds: { '#map': [] },
        evidence: { '#set': [] },
        validatorSet: WEIGHTS,
      },
      certificates: { '#set': [] },
      chain: [],
      cs,
      pendingInputs: { '#set': [] },
      proposals: { '#set': [] },
      valset: WEIGHTS,
      voteKeeperOutput: bare('NoVKOutput'),
      ...es,
    },
    timeouts: { '#set': timeouts },
    ...Object.fromEntries(
      [
        'incomingVotes',
        'incomingCertificates',
        'incomingProposals',
        'incomingSyncProposals',
        'incomingSyncCertificates',
        'getValueRequests',
      ].map((name) => [name, { '#set': [] }]),
    ),
  });
  const place = [number(0), number(0)];
  const entered = { '#tup': [{ tag: 'NewRoundCInput', value: number(0) }, ...place, bare('NoStep')] };
  const timeout = { '#tup': [bare('ProposeTimeout'), ...place] };
  const states = [
    {
      system: node(
        variables('NoStep', { height: number(0), round: number(-1) }),
        { executedInputs: [], pendingStepChange: bare('NoStep'), started: false },
        [],
      ),
      _hist: { '#tup': ['INIT', bare('NoDInput'), bare('NoConsensusOutput')] },
    },
    {
      system: node(
        variables('ProposeStep', { height: number(0) }),
        { executedInputs: [entered], pendingStepChange: bare('ProposeStep'), started: true },
        [timeout],
      ),
      _hist: {
        '#tup': [
          'v1',
          bare('StartDInput'),
          { tag: 'TimeoutOutput', value: { '#tup': [number(0), bare('ProposeTimeout')] } },
        ],
      },
    },
  ];
  return JSON.stringify({
    states: states.map(({ system, _hist }) => ({ _hist, system: { '#map': [['v1', system]] } })),
  });
}

interface Keeping {
  readonly votes: readonly (readonly [by: string, value: object])[];
  readonly sums: readonly (readonly [object, number])[];
  readonly voters: readonly string[];
  readonly emitted: readonly object[];
  readonly evidence: boolean;
  readonly said: object;
}

/** Prevotes of round 0, one after the other, as the model's vote keeper takes them. */
function keeperTrace(steps: readonly Keeping[], prefix = ''): string {
  const prevote = ([srcAddress, valueId]: readonly [string, object]) => ({
    srcAddress,
    height: number(0),
    round: number(0),
    valueId,
    voteType: bare('Prevote'),
  });
  const count = (sums: Keeping['sums'], voters: readonly string[], votes: readonly object[]) => ({
    totalWeight: number(4),
    valuesWeights: { '#map': sums.map(([value, weight]) => [value, number(weight)]) },
    votesAddresses: { '#set': voters },
    receivedVotes: { '#set': votes },
  });
  const keeper = (rounds: object[], evidence: object[]) => ({
    height: number(0),
    validatorSet: WEIGHTS,
    rounds: { '#map': rounds },
    evidence: { '#set': evidence },
  });
  const first = {
    weightedVote: bare('NoWeightedVote'),
    lastEmitted: bare('NoVKOutput'),
    bookkeeper: keeper([], []),
  };
  const rest = steps.map(({ votes, sums, voters, emitted, evidence, said }) => {
    const all = votes.map(prevote);
    const round = {
      height: number(0),
      round: number(0),
      prevotes: count(sums, voters, all),
      precommits: count([], [], []),
      emittedOutputs: { '#set': emitted },
      votesAddressesWeights: { '#map': voters.map((name) => [name, number(1)]) },
    };
    return {
      weightedVote: { tag: 'WV', value: { '#tup': [all.at(-1), number(1), number(0)] } },
      lastEmitted: said,
      bookkeeper: keeper([[number(0), round]], evidence ? [{ '#set': all.slice(-2) }] : []),
    };
  });
  const named = (state: object) =>
    Object.fromEntries(Object.entries(state).map(([name, value]) => [`${prefix}${name}`, value]));
  return JSON.stringify({ states: [first, ...rest].map(named) });
}

/** Where a number or a word stands in what a state says. */
function placesIn(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return typeof value === 'string' ? [path] : [];
  return Object.entries(value).flatMap(([key, field]) => placesIn(field, [...path, key]));
}

/** The trace with another number or word in one place of its last state. */
function changed(text: string, path: readonly string[]): string {
  const trace = JSON.parse(text);
  let at = trace.states.at(-1);
  for (const key of path.slice(0, -1)) at = at[key];
  const key = path.at(-1)!;
  at[key] = key === '#bigint' ? String(Number(at[key]) + 1) : `${at[key]}x`;
  return JSON.stringify(trace);
}

/** Places of the last state in which a change goes unnoticed. */
function unnoticed(text: string): string[] {
  return placesIn(JSON.parse(text).states.at(-1))
    .filter((path) => replayTrace(changed(text, path)).result === 'passed')
    .map((path) => path.filter((key) => !/^(#.*|\d+)$/.test(key)).join('.'));
}

describe('the replay of model traces', () => {
  it('follows a trace to its end', () => {
    const outcome = replayTrace(shortTrace({ lockedValue: red, lockedRound: number(0) }));
    expect(outcome).toMatchObject({ result: 'passed', steps: 4, followed: 4 });
  });

  it('stops at the first state that differs, and says both', () => {
    const outcome = replayTrace(shortTrace({}));
    expect(outcome).toMatchObject({ result: 'failed', steps: 4, followed: 3 });
    if (outcome.result !== 'failed') throw new Error('followed');
    expect(outcome.why).toMatch(/ours .* locked Val\(red\)@0 .*\n.*model .* locked Nil@-1/);
  });

  it('skips traces of other models, with the reason, and refuses what is no trace', () => {
    const clock = JSON.stringify({ states: [{ hour: number(1) }] });
    expect(replayTrace(clock)).toMatchObject({
      result: 'skipped',
      reason: 'no variables of the consensus model: hour',
    });
    expect(() => replayTrace('{}')).toThrow('no trace');
    expect(() => replayTrace('{"states":[7]}')).toThrow('state 0 is no record');
  });

  it('names the variable that a state lacks, and the step', () => {
    const trace = JSON.parse(shortTrace({ lockedValue: red, lockedRound: number(0) }));
    delete trace.states[2].output;
    const outcome = replayTrace(JSON.stringify(trace));
    expect(outcome).toMatchObject({
      result: 'failed',
      followed: 2,
      why: 'the state has no variable "output"',
    });
  });

  it('takes no trace for that of another model because its first state lacks what the others have', () => {
    const trace = JSON.parse(shortTrace({ lockedValue: red, lockedRound: number(0) }));
    delete trace.states[0].input;
    delete trace.states[0].state;
    expect(replayTrace(JSON.stringify(trace))).toMatchObject({
      result: 'failed',
      followed: 0,
      why: 'the state has no variable "input"',
    });
  });

  it('notices every number and word that the last state of a machine has otherwise', () => {
    const text = shortTrace({ lockedValue: red, lockedRound: number(0) });
    expect(unnoticed(text)).toEqual([]);
  });

  it('notices what a process has otherwise, but for its timeouts, which are the environment', () => {
    expect(replayTrace(systemTrace())).toMatchObject({ result: 'passed', followed: 2 });
    expect(new Set(unnoticed(systemTrace()))).toEqual(new Set(['system.timeouts.tag', 'system.timeouts']));
  });

  it('leaves the driver out where powers are unequal, says so, and compares the rest', () => {
    const unequal = systemTrace().replaceAll('["v2",{"#bigint":"1"}]', '["v2",{"#bigint":"5"}]');
    const outcome = replayTrace(unequal);
    expect(outcome).toMatchObject({ result: 'passed', followed: 2 });
    expect([...outcome.differences.values()]).toEqual([1]);
    expect(new Set(unnoticed(unequal))).toEqual(new Set(['system.timeouts.tag', 'system.timeouts']));
  });

  it('notices a process that disappears, and a step that is told and does nothing', () => {
    const trace = JSON.parse(systemTrace());
    trace.states.push(structuredClone(trace.states[1]));
    expect(replayTrace(JSON.stringify(trace))).toMatchObject({ result: 'passed', followed: 3 });
    trace.states[2]._hist['#tup'][1] = bare('StepChangeDInput');
    expect(replayTrace(JSON.stringify(trace))).toMatchObject({ result: 'failed', followed: 2 });
    trace.states[2] = structuredClone(trace.states[1]);
    trace.states[2].system['#map'][0][1].es.cs.lockedRound = number(5);
    expect(replayTrace(JSON.stringify(trace))).toMatchObject({
      followed: 2,
      why: expect.stringMatching(
        /^variables of v1\n {2}ours .* locked Nil@-1 .*\n {2}model .* locked Nil@5 /,
      ),
    });
    trace.states[2] = { ...trace.states[1], system: { '#map': [] } };
    expect(replayTrace(JSON.stringify(trace))).toMatchObject({ result: 'failed', followed: 2 });
    trace.states.pop();
    delete trace.states[1]._hist;
    expect(replayTrace(JSON.stringify(trace))).toMatchObject({ why: 'the state has no variable "_hist"' });
  });

  it('follows the votes of an equivocator, under the name of an instance as well', () => {
    const blue = { tag: 'Val', value: 'blue' };
    const none = bare('NoVKOutput');
    const any = { tag: 'PolkaAnyVKOutput', value: number(0) };
    const steps: Keeping[] = [
      { votes: [['v1', red]], sums: [[red, 1]], voters: ['v1'], emitted: [], evidence: false, said: none },
      {
        votes: [
          ['v1', red],
          ['v1', blue],
        ],
        sums: [[red, 1]],
        voters: ['v1'],
        emitted: [],
        evidence: true,
        said: none,
      },
      // Told again: it is known, and no new evidence.
      {
        votes: [
          ['v1', red],
          ['v1', blue],
        ],
        sums: [[red, 1]],
        voters: ['v1'],
        emitted: [],
        evidence: true,
        said: none,
      },
    ];
    const outcome = replayTrace(keeperTrace(steps, 'some::N4::'));
    expect(outcome).toMatchObject({ result: 'passed', followed: 4 });
    expect([...outcome.differences.values()]).toEqual([1]);
    const wrong = steps.with(1, { ...steps[1]!, evidence: false });
    expect(replayTrace(keeperTrace(wrong))).toMatchObject({ result: 'failed', followed: 2 });
    const hasty = steps.with(1, { ...steps[1]!, emitted: [any], said: any });
    expect(replayTrace(keeperTrace(hasty))).toMatchObject({ result: 'failed', followed: 2 });
    // What is put into the keeper is the model's: the votes, and the round that it is in.
    expect(new Set(unnoticed(keeperTrace(steps.slice(0, 1))))).toEqual(new Set(['weightedVote.value']));
  });

  it('counts in numbers where names end with them: the second of ten proposes first, and the tenth ninth', () => {
    const names = Array.from({ length: 10 }, (_, i) => `v${i + 1}`);
    const members = membersOf(new Map(names.map((name) => [name, 1])));
    expect(members.names).toEqual([...names.slice(1), 'v1']);
    expect(
      membersOf(
        new Map([
          ['john', 1],
          ['alice', 2],
        ]),
      ).names,
    ).toEqual(['john', 'alice']);
  });
});

const archive = defaultTraces();
const absent = !existsSync(archive);
if (absent) console.log(`skipped: the model traces of Tendermint, which would stand at ${archive}`);

describe.skipIf(absent)(
  'the model traces of Tendermint (beside the checkout, skipped where they are absent)',
  () => {
    it('are followed to their ends', { timeout: 60_000 }, () => {
      const files = jsonFiles(archive);
      for (const { name, text } of files) {
        const outcome = replayTrace(text());
        expect(outcome, name).toMatchObject({ result: 'passed', followed: outcome.steps });
      }
      expect(files.length).toBeGreaterThan(0);
    });
  },
);
