/** Reads one line from the terminal without showing it. */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';

export function askHidden(prompt: string): Promise<string> {
  process.stderr.write(prompt);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  return new Promise((resolve, reject) => {
    lines.once('line', (line) => {
      lines.close();
      process.stderr.write('\n');
      resolve(line);
    });
    // In raw mode Ctrl-C arrives here instead of as a signal.
    lines.once('SIGINT', () => {
      lines.close();
      process.stderr.write('\n');
      reject(Object.assign(new Error('interrupted'), { code: 'INTERRUPTED' }));
    });
  });
}
