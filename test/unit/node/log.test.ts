import { describe, expect, it } from 'vitest';
import { createLog, forModule, type LogFormat, type LogLevel } from '../../../node/log.ts';

function lines(format: LogFormat, level: LogLevel = 'info') {
  const written: string[] = [];
  return { written, log: createLog({ level, format, nowMs: () => 0, write: (line) => written.push(line) }) };
}

describe('the log', () => {
  it('is one readable line a happening', () => {
    const { log, written } = lines('human');
    forModule(log, 'network')('warn', 'peer is slow', { peer: 'abc', text: 'two words', count: 3 });
    expect(written).toEqual(['00:00:00.000 WARN  network: peer is slow peer=abc text="two words" count=3']);
  });

  it('is one JSON object a line for machines', () => {
    const { log, written } = lines('json');
    log('info', 'block', { height: 3 });
    expect(written.map((line) => JSON.parse(line))).toEqual([
      { time: '1970-01-01T00:00:00.000Z', level: 'info', message: 'block', height: 3 },
    ]);
  });

  it('keeps quiet below its level', () => {
    const { log, written } = lines('human', 'warn');
    log('info', 'x');
    log('debug', 'x');
    log('error', 'y');
    expect(written.length).toBe(1);
  });

  it('has other levels for parts of the node', () => {
    const written: string[] = [];
    const log = createLog({
      level: 'warn',
      modules: ['consensus:debug', 'network:error'],
      format: 'human',
      nowMs: () => 0,
      write: (line) => written.push(line),
    });
    forModule(log, 'consensus')('debug', 'a');
    forModule(log, 'network')('warn', 'b');
    log('info', 'c');
    log('warn', 'd');
    expect(written.map((line) => line.slice(-1))).toEqual(['a', 'd']);
    const bad = () =>
      createLog({ level: 'warn', modules: ['x:loud'], format: 'human', nowMs: () => 0, write() {} });
    expect(bad).toThrow(/log\.modules: 'x:loud' is not MODULE:LEVEL/);
  });

  it('lets no stranger move the cursor or fill the disk', () => {
    const { log, written } = lines('human');
    log('info', 'evil\u001b[2J\nline', { text: '\u001b]0;', long: 'x'.repeat(10_000) });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is what is tested
    expect(written[0]).not.toMatch(/[\u0000-\u001f]/);
    expect(written[0]?.length).toBeLessThan(3_000);
  });
});
