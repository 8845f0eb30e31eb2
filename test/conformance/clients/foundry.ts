/** Foundry's programs as they come from npm, run as their users run them. */
import { once } from 'node:events';
import { join } from 'node:path';
import { killOwned, spawnOwned } from '../../support/owned.ts';
import { projectRoot } from '../state/fixtures.ts';

const program = (name: string) => join(projectRoot(), 'node_modules', '.bin', name);
const environment = () => ({
  ...process.env,
  NO_COLOR: '1',
  FOUNDRY_DISABLE_NIGHTLY_WARNING: '1',
  FOUNDRY_OFFLINE: 'true',
});

/** A compile of the token takes 5 s on an idle machine. */
const TIMEOUT_MS = 180_000;

/**
 * What the program printed.
 * @throws Error with `output`. The launcher from npm exits with 0 whatever its program did, so the text decides.
 */
export async function foundry(name: 'cast' | 'forge', args: string[], cwd?: string): Promise<string> {
  const child = spawnOwned(program(name), args, {
    env: environment(),
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { out: '', err: '' };
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text.out += chunk;
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text.err += chunk;
  });
  const timer = setTimeout(() => killOwned(child), TIMEOUT_MS);
  const [, signal] = await once(child, 'close').catch(() => [null, 'no start']);
  clearTimeout(timer);
  if (signal !== null) throw new Error(`${name} ${args[0]} did not end by itself: ${signal}`);
  const output = `${text.out}\n${text.err}`;
  if (/^Error\b|Encountered a total of [1-9]\d* failing/m.test(output))
    throw Object.assign(new Error(`${name} ${args[0]}: ${output.trim().slice(-1_500)}`), { output });
  return text.out.trim();
}

/** Starts `cast`, hands over what it prints (it ends no line before the next begins), and gives a way to end it. */
export function follow(args: string[], onText: (text: string) => void): { stop(): Promise<void> } {
  // The launcher does not hand signals on; the program ends with its group.
  const child = spawnOwned(program('cast'), args, {
    env: environment(),
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.stdout?.setEncoding('utf8').on('data', onText);
  return {
    async stop() {
      killOwned(child);
      await exited;
    },
  };
}
