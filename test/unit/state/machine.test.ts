/** The memory of the EVM in WebAssembly: how much of it stays, and for how long. */
import { describe, expect, it } from 'vitest';
import { commonOf } from '../../../state/execution/common.ts';
import { createEngine } from '../../../state/execution/engine.ts';
import { Machine } from '../../../state/execution/machine/machine.ts';
import { createModuleTable } from '../../../state/execution/module-table.ts';
import { LIMITS } from '../../../state/limits.ts';

const noModules = createModuleTable([], {
  genesisBalances: () => [],
  genesis() {},
  beginBlock() {},
  endBlock() {},
  validatorSets: () => ({ next: [], afterNext: [] }),
});

describe('the memory of the machine', () => {
  it('stays as it is between usual transactions, and is given back after one that took much', () => {
    const machine = new Machine(() => 0, { countsLeadingZeros: true });
    const atFirst = machine.bytes.length;
    expect(atFirst).toBeLessThan(LIMITS.keptMachineBytes);
    machine.place(atFirst, new Uint8Array(1 << 20));
    const larger = machine.bytes;
    expect(larger.length).toBeGreaterThan(atFirst);
    machine.tidy();
    expect(machine.bytes).toBe(larger);
    const fixed = machine.bytes.slice(0, 16_384);
    machine.place(LIMITS.keptMachineBytes, new Uint8Array(1 << 20));
    machine.tidy();
    expect(machine.bytes.length).toBe(atFirst);
    // The table of instructions and the words of the chain are still there.
    expect(machine.bytes.slice(0, 16_384)).toEqual(fixed);
    expect(fixed.some((byte) => byte !== 0)).toBe(true);
  });

  it('has a bound that a transaction meets as a fault of this machine, not as a result', () => {
    const machine = new Machine(() => 0, { countsLeadingZeros: true });
    expect(() => machine.place(LIMITS.maxMachineBytes, new Uint8Array(1))).toThrow(/memory would need/);
  });

  it('goes with its engine: what all engines share does not hold on to one', async () => {
    const chainId = 77_001;
    for (let i = 0; i < 3; i++)
      await createEngine({ chainId, modules: noModules, blockHash: () => undefined });
    expect(commonOf(chainId).events.listenerCount('hardforkChanged')).toBe(0);
  });
});
