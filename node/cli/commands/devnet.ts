import { resolve } from 'node:path';
import { UserError } from '../../config/errors.ts';
import { type RunningNetwork, runDevnet } from '../../devnet/devnet.ts';
import { defineCommand, type Environment, NO_POSITIONALS } from '../command.ts';
import { wholeNumber } from '../values.ts';

export const command = defineCommand({
  name: 'devnet',
  summary: 'Run a network of validators on this machine, one process each.',
  positionals: NO_POSITIONALS,
  flags: {
    data: { type: 'string', value: 'DIR', help: 'folder of the network (default ./.devnet)' },
    validators: { type: 'string', value: 'N', help: 'number of validators, 1 to 16 (default 4)' },
    'rpc-port': {
      type: 'string',
      value: 'P',
      help: 'validator i serves RPC at port P+i (default: any free ports)',
    },
    story: { type: 'boolean', help: 'tell the story when it is ready: contribute, ask, attribute, pay' },
    fresh: { type: 'boolean', help: 'delete the chain in the folder and begin anew' },
    'log-level': { type: 'string', value: 'LEVEL', help: 'debug, info, warn or error (default info)' },
  },
  details: `
The folder's chain is continued if there is one. When the network is ready, DIR/devnet.json says where it is and names
the accounts; other commands find it there. Logs are in DIR/validator-N/. One Ctrl-C ends all processes, a second one
at once.`,
  run({ flags, ...environment }) {
    const level = flags['log-level'] ?? 'info';
    if (!['debug', 'info', 'warn', 'error'].includes(level))
      throw new UserError('USAGE', `--log-level: '${level}' is not debug, info, warn or error`);
    return runDevnet(
      {
        dir: resolve(environment.workingDirectory, flags.data ?? '.devnet'),
        validators: wholeNumber(flags.validators ?? '4', '--validators', 1, 16),
        fresh: flags.fresh,
        rpcPort:
          flags['rpc-port'] === undefined
            ? undefined
            : wholeNumber(flags['rpc-port'], '--rpc-port', 1, 65_520),
        logLevel: level,
        ...(flags.story && { whenReady: (network) => tellStory(network, environment) }),
      },
      environment,
    );
  },
});

/** The model of the story is run by a process of its own, as an operator would run it. */
async function tellStory(network: RunningNetwork, { out, signal }: Environment): Promise<void> {
  const [{ runStory }] = await Promise.all([
    import('../../story/index.ts'),
    network.addProcess('operator', ['operator', '--devnet', network.dir, '--from', 'operator']),
  ]);
  await runStory({ rpcUrls: network.rpcUrls, accounts: network.accounts, out, signal });
  out.line();
  out.line(`The network goes on. The page is open at ${network.rpcUrls[0]}/`);
}
