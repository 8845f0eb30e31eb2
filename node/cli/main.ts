/** The process behind bin/openledger.js: what a command sees of it, signals, and the exit code. */
import { EXIT } from './command.ts';
import { createOutput } from './output.ts';
import { runCommandLine } from './run.ts';

/** The first signal asks the command to stop, the second ends the process at once. */
async function main(): Promise<void> {
  const stop = new AbortController();
  let signals = 0;
  const onSignal = () => {
    if (++signals === 1) stop.abort();
    else process.exit(EXIT.interrupted);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  // The terminal is gone: a node that was started from it ends like any other, with its logs closed.
  process.on('SIGHUP', onSignal);
  // `openledger ... | head` closes the pipe: not an error of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.ok);
  });
  const terminal = process.stdin.isTTY === true && process.stderr.isTTY === true;
  const code = await runCommandLine(process.argv.slice(2), {
    out: createOutput({
      write: (text) => process.stdout.write(text),
      writeError: (text) => process.stderr.write(text),
      colours: process.stdout.isTTY === true && !process.env['NO_COLOR'],
    }),
    variables: process.env,
    workingDirectory: process.cwd(),
    signal: stop.signal,
    ...(terminal && { ask: async (prompt: string) => (await import('./ask.ts')).askHidden(prompt) }),
    nowMs: Date.now,
  });
  process.exitCode = code;
  // Whatever a library keeps open (a socket that is being redialled) must not keep a finished command alive; what
  // was written must still reach a slow pipe.
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
}

await main();
