/**
 * Random transactions and programs on our machine and on a stock node of the library: a little of what
 * `npm run conformance:evm` does, and that it would notice a difference.
 */
import { describe, expect, it } from 'vitest';
import { runCampaign } from '../../conformance/evm/campaign.ts';
import { createComparer } from '../../conformance/evm/compare.ts';
import { assemble, bytes, type Program } from '../../conformance/evm/program.ts';
import {
  codeOf,
  drawScenario,
  encodeTransaction,
  type Scenario,
  stateTestOf,
} from '../../conformance/evm/scenario.ts';
import { shrink, sizeOfScenario } from '../../conformance/evm/shrink.ts';
import { createExecutor } from '../../conformance/state/execute.ts';

const CLZ_SEED = 738;

describe('random transactions on our machine and on a stock node', () => {
  it('end alike, at every limit of gas, and are shown alike by traces', async () => {
    const first = Number(process.env['SEED'] ?? 20_261_126);
    const seeds = Array.from({ length: 4 }, (_, i) => first + i);
    const report = await runCampaign(seeds);
    expect(report.failures).toEqual([]);
    expect(report.cases).toBeGreaterThan(20);
    expect(report.succeeded).toBeGreaterThan(0);
    expect(report.failed).toBeGreaterThan(0);
    expect(report.steps).toBeGreaterThan(0);
  }, 120_000);

  it('notice a machine that runs the rules of another fork', async () => {
    const executor = createExecutor();
    const comparer = createComparer({
      execute: (test, _fork, txbytes, observer) => executor.execute(test, 'cancun', txbytes, observer),
    });
    // A seed of Osaka whose transaction Cancun knows as well, so that the difference lies in its program.
    const { difference } = await comparer.compare(drawScenario(CLZ_SEED), false);
    expect(difference).toMatch(/^status 0, peer 1; gasUsed/);
    expect(
      (await createComparer(executor).compare(drawScenario(CLZ_SEED), false)).difference,
    ).toBeUndefined();
  }, 120_000);

  it('are made smaller, as long as they show what they showed', async () => {
    const scenario = drawScenario(CLZ_SEED);
    const countsZeros = ({ accounts }: Scenario) =>
      [...accounts.values()].some(({ code }) => codeOf(code).includes(0x1e));
    const small = await shrink(scenario, async (smaller) => countsZeros(smaller));
    expect(countsZeros(small)).toBe(true);
    expect(small.accounts.size).toBe(1);
    expect(sizeOfScenario(small)).toBeLessThan(8);
    expect(sizeOfScenario(scenario)).toBeGreaterThan(50);
  });

  it('a seed is always the same case', () => {
    const text = () => {
      const scenario = drawScenario(77);
      return JSON.stringify([stateTestOf(scenario), [...encodeTransaction(scenario.tx)]]);
    };
    expect(text()).toBe(text());
  });

  it('a program finds its labels and data wherever they lie, and a label that is gone is nowhere', () => {
    const program: Program = {
      statements: [
        [{ kind: 'place', name: 1, ahead: 0 }, bytes(0x56)],
        [bytes(0xfe)],
        [{ kind: 'label', name: 1 }],
        [
          { kind: 'dataLength', name: 7 },
          { kind: 'dataPlace', name: 7 },
        ],
      ],
      data: new Map([[7, Uint8Array.of(1, 2)]]),
    };
    const hex = (p: Program) => Buffer.from(assemble(p)).toString('hex');
    expect(hex(program)).toBe('61000556fe5b61000261000c0102');
    expect(hex({ ...program, statements: program.statements.slice(0, 2) })).toBe('61ffff56fe');
  });
});
