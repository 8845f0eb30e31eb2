import { describe, expect, it } from 'vitest';
import { standstill, watchStandstill } from '../../../node/standstill.ts';

const HEARTBEAT_MS = 5_000;
const pace = (sinceMs: number, peers = 2) => ({
  sinceMs,
  height: 40,
  heartbeatMs: HEARTBEAT_MS,
  peers,
});

describe('a chain that stands still', () => {
  it('is told from one that is idle: a heartbeat may be late', () => {
    expect(standstill(pace(100_000), 100_000 + HEARTBEAT_MS)).toBeUndefined();
    expect(standstill(pace(100_000), 130_000)).toBeUndefined();
    expect(standstill(pace(100_000), 130_001)).toMatch(
      /^no block for 30 s after block 40, .*every 5 s; 2 peers/,
    );
  });

  it('is not mistaken where this clock is behind that of the proposer', () => {
    expect(standstill(pace(100_000), 90_000)).toBeUndefined();
  });

  it('says where to look: at the others, or at the connection', () => {
    expect(standstill(pace(0, 1), 60_000)).toMatch(/1 peer\. More than two thirds/);
    expect(standstill(pace(0, 0), 60_000)).toMatch(/0 peers\. This node is alone/);
  });

  it('is logged once when it begins and once when it ends', () => {
    let nowMs = 0;
    let blockMs = 0;
    const lines: string[] = [];
    let timer: (() => void) | undefined;
    const end = watchStandstill(() => pace(blockMs), {
      clock: {
        nowMs: () => nowMs,
        setTimer(_ms, run) {
          timer = run;
          return () => {
            timer = undefined;
          };
        },
      },
      log: (level, message) => lines.push(`${level} ${message}`),
    });
    for (; nowMs < 60_000; nowMs += 5_000) timer!();
    expect(lines).toEqual([expect.stringMatching(/^warn no block for 35 s/)]);
    blockMs = nowMs;
    timer!();
    timer!();
    expect(lines.slice(1)).toEqual(['info blocks come again']);
    end();
    expect(timer).toBeUndefined();
  });
});
