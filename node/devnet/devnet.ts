/** A whole network on one machine: prepared, started, reported, and ended together. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { formatAmount } from '../cli/amounts.ts';
import type { Environment } from '../cli/command.ts';
import { EXIT } from '../cli/command.ts';
import { table } from '../cli/output.ts';
import { UserError } from '../config/errors.ts';
import { ENVIRONMENT_PREFIX } from '../config/options.ts';
import { writeFileAtomic } from '../keys/files.ts';
import { type Child, describeExit, startChild, tailOf } from './children.ts';
import { DEVNET_FILE, type DevnetPlan, prepareDevnet } from './prepare.ts';

export interface RunOptions {
  readonly dir: string;
  readonly validators: number;
  readonly fresh: boolean;
  readonly rpcPort: number | undefined;
  readonly logLevel: string;
  /** Runs once the network is ready, for instance the story; the network goes on afterwards. */
  readonly whenReady?: (network: RunningNetwork) => Promise<void>;
}

export interface RunningNetwork {
  readonly dir: string;
  readonly rpcUrls: readonly string[];
  readonly accounts: DevnetPlan['accounts'];
  /** Starts another process that ends with the network, and names it in devnet.json. */
  addProcess(name: string, args: readonly string[]): Promise<Child>;
}

/** A node that has not answered by now will not: normally it takes two seconds. */
const READY_TIMEOUT_MS = 60_000;
/** After this the children are killed. A node closes its database within a second. */
const STOP_TIMEOUT_MS = 20_000;

/**
 * Runs a devnet until `environment.signal` is aborted. Resolves with the exit code when all processes are gone.
 * @throws UserError when it cannot be prepared or does not become ready; nothing is left running then.
 */
export async function runDevnet(options: RunOptions, environment: Environment): Promise<number> {
  const { out, signal } = environment;
  const started = performance.now();
  const plan = await prepareDevnet({ ...options, nowMs: environment.nowMs() });
  out.note(
    `${plan.continued ? 'Continuing' : 'New'} devnet in ${plan.dir}: ${plan.validators.length} validator${plan.validators.length === 1 ? '' : 's'}, chain ${plan.chainId}`,
  );
  const children: Child[] = [];
  const processEnvironment = childEnvironment(environment.variables);
  const add = (name: string, args: readonly string[], home: string): Child => {
    mkdirSync(home, { recursive: true });
    const child = startChild({
      name,
      args,
      logFile: join(home, `${name}.log`),
      environment: processEnvironment,
    });
    children.push(child);
    return child;
  };
  let stopping = false;
  // Should this process end in a way that runs no more of its code, the children see the channel break.
  const killAll = () => {
    for (const child of children) child.kill();
  };
  process.once('exit', killAll);
  try {
    const nodes = plan.validators.map(({ index, home }) =>
      add(`validator-${index}`, ['start', '--home', home], home),
    );
    const ready = await allReady(nodes, signal, (name, seconds) =>
      out.note(`  ${name} is ready after ${seconds} s`),
    );
    if (ready === undefined) return EXIT.interrupted;
    const rpcUrls = ready.map((message) => `http://127.0.0.1:${message.rpcPort}`);
    for (const child of nodes)
      child.exited.then((how) => {
        if (stopping) return;
        out.note(
          `${out.paint('yellow', 'warning')}: ${child.name} ended${describeExit(how)}; the others go on. The end of ${child.logFile}:`,
        );
        out.note(tailOf(child.logFile));
      });
    const others: Child[] = [];
    const writeFile = () =>
      writeFileAtomic(join(plan.dir, DEVNET_FILE), devnetFile(plan, nodes, others, rpcUrls), {
        replace: true,
      });
    writeFile();
    for (const line of summary(plan, rpcUrls, out)) out.line(line);
    out.note(`Ready after ${seconds(started)} s. Ctrl-C ends it.`);
    if (!options.whenReady)
      out.note(
        'Nobody answers requests to models yet: run openledger operator --from operator beside it, or start with --story.',
      );
    const network: RunningNetwork = {
      dir: plan.dir,
      rpcUrls,
      accounts: plan.accounts,
      addProcess: async (name, args) => {
        const child = add(name, args, plan.dir);
        others.push(child);
        await child.ready;
        writeFile();
        return child;
      },
    };
    let failed = false;
    if (options.whenReady && !signal.aborted)
      await options.whenReady(network).catch((error: unknown) => {
        if (signal.aborted) return;
        failed = true;
        out.note(`${out.paint('red', 'error')}: ${error instanceof Error ? error.message : String(error)}`);
        out.note('The network goes on. Ctrl-C ends it.');
      });
    // All validators gone: nothing is left that could go on.
    const allGone = Promise.all(nodes.map((child) => child.exited)).then(() => 'gone' as const);
    if ((await Promise.race([aborted(signal), allGone])) === 'gone' && !signal.aborted) {
      out.note('All validators have ended.');
      return EXIT.failed;
    }
    return failed ? EXIT.failed : EXIT.ok;
  } finally {
    stopping = true;
    rmSync(join(plan.dir, DEVNET_FILE), { force: true });
    if (children.length > 0) {
      out.note('Stopping ...');
      await stopAll(children);
    }
    process.off('exit', killAll);
  }
}

/** Ready messages in order; undefined if interrupted. @throws UserError NODE_FAILED | TIMEOUT */
async function allReady(
  nodes: readonly Child[],
  signal: AbortSignal,
  onReady: (name: string, seconds: string) => void,
) {
  const started = performance.now();
  const waiting = Promise.all(
    nodes.map(async (child) => {
      const message = await child.ready;
      onReady(child.name, seconds(started));
      return message;
    }),
  ).catch((error: Error) => {
    throw new UserError('NODE_FAILED', error.message);
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new UserError(
            'TIMEOUT',
            `not all nodes are ready after ${READY_TIMEOUT_MS / 1000} s; see the logs in their folders`,
          ),
        ),
      READY_TIMEOUT_MS,
    );
  });
  try {
    return await Promise.race([waiting, late, aborted(signal)]);
  } finally {
    clearTimeout(timer);
  }
}

async function stopAll(children: readonly Child[]): Promise<void> {
  for (const child of children) child.stop();
  const timer = setTimeout(() => {
    for (const child of children) child.kill();
  }, STOP_TIMEOUT_MS);
  await Promise.all(children.map((child) => child.exited));
  clearTimeout(timer);
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

/** Settings of the person's own node must not reach the devnet's nodes. */
function childEnvironment(variables: Readonly<Record<string, string | undefined>>) {
  return Object.fromEntries(
    Object.entries(variables).filter(([name]) => !name.startsWith(ENVIRONMENT_PREFIX)),
  );
}

function devnetFile(
  plan: DevnetPlan,
  nodes: readonly Child[],
  others: readonly Child[],
  rpcUrls: readonly string[],
): string {
  return `${JSON.stringify(
    {
      chainId: plan.chainId,
      pid: process.pid,
      rpcUrls,
      wsUrls: rpcUrls.map((url) => url.replace(/^http/, 'ws')),
      page: `${rpcUrls[0]}/`,
      accounts: plan.accounts.map(({ name, address, privateKey }) => ({ name, address, privateKey })),
      validators: plan.validators.map(({ index, home, address }, i) => ({
        index,
        pid: nodes[i]!.pid,
        home,
        address,
      })),
      processes: others.map(({ name, pid, logFile }) => ({ name, pid, logFile })),
    },
    undefined,
    2,
  )}\n`;
}

function summary(plan: DevnetPlan, rpcUrls: readonly string[], { paint }: Environment['out']): string[] {
  const accounts = table([
    ['name', 'address', 'private key'],
    ...plan.accounts.map(({ name, address, privateKey }) => [name, address, privateKey]),
  ]);
  return [
    '',
    `${paint('bold', 'Explorer')}  ${paint('cyan', `${rpcUrls[0]}/`)}`,
    `${paint('bold', 'RPC')}       ${rpcUrls.join('  ')}  (WebSocket on the same ports)`,
    `${paint('bold', 'Chain id')}  ${plan.chainId}`,
    `${paint('bold', 'Data')}      ${plan.dir}`,
    '',
    `${paint('bold', 'Accounts')}, ${formatAmount(plan.accounts[0]!.balance)} each at the start. Everybody knows these keys: never use them elsewhere.`,
    ...accounts.map((row, i) => (i === 0 ? paint('dim', row) : row)),
    '',
  ];
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1);
}
