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
