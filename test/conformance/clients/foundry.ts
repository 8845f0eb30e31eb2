/** Foundry's programs as they come from npm, run as their users run them. */
import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { projectRoot } from '../state/fixtures.ts';

const run = promisify(execFile);
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
  const options = { env: environment(), cwd, timeout: TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024 };
  const { stdout, stderr } = await run(program(name), args, options).catch((error) => error);
  if (typeof stdout !== 'string') throw new Error(`${name} ${args[0]} did not run`);
  const output = `${stdout}\n${stderr}`;
  if (/^Error\b|Encountered a total of [1-9]\d* failing/m.test(output))
    throw Object.assign(new Error(`${name} ${args[0]}: ${output.trim().slice(-1_500)}`), { output });
  return stdout.trim();
}

/** Starts `cast`, hands over what it prints (it ends no line before the next begins), and gives a way to end it. */
export function follow(args: string[], onText: (text: string) => void): { stop(): Promise<void> } {
  // The launcher does not hand signals on; in a group of its own the program ends with it.
  const child = spawn(program('cast'), args, {
    env: environment(),
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.stdout.setEncoding('utf8').on('data', onText);
  return {
    async stop() {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
      await exited;
    },
  };
}
