import { resolve } from 'node:path';
import { loadConfig } from '../../config/config.ts';
import { NAMED_OPTIONS } from '../../config/options.ts';
import { onParent, tellParent } from '../../devnet/children.ts';
import { createLog } from '../../log.ts';
import { defineCommand, type FlagSpec, NO_POSITIONALS } from '../command.ts';

const settings: Record<string, FlagSpec> = Object.fromEntries(
  NAMED_OPTIONS.map(({ flag, option }) => [
    flag,
    {
      type: 'string',
      value: option.kind === 'int' ? 'N' : option.kind === 'flag' ? 'true|false' : wordOf(option),
      help: `${option.help}${defaultOf(option.value)}`,
      ...(option.kind === 'list' && { multiple: true as const }),
      ...(option.value === '' && { mayBeEmpty: true as const }),
    } satisfies FlagSpec,
  ]),
);

/** The words that a setting takes, where they are few. */
function wordOf(option: object): string {
  return 'choices' in option ? (option.choices as readonly string[]).join('|') : 'TEXT';
}

function defaultOf(value: unknown): string {
  const text = Array.isArray(value) ? value.join(',') : String(value);
  return text === '' ? '' : ` (default ${text})`;
}

export const command = defineCommand({
  name: 'start',
  summary: 'Run the node of a folder that init, testnet or devnet made.',
  positionals: NO_POSITIONALS,
  flags: {
    home: {
      type: 'string',
      value: 'DIR',
      help: "the node's folder (default $OPENLEDGER_HOME, else ./.openledger)",
    },
    ...settings,
  } as Record<string, FlagSpec>,
  details: `
Settings come from DIR/config.json, then the environment (OPENLEDGER_RPC_PORT for --rpc-port), then these flags.
The password of an encrypted consensus key comes from validator.passwordFile, OPENLEDGER_PASSWORD or the terminal.`,
  async run({ flags, variables, workingDirectory, signal, nowMs, ask }) {
    const { home: homeFlag, ...rest } = flags as Record<string, string | readonly string[] | undefined>;
    const home = resolve(workingDirectory, String(homeFlag ?? variables['OPENLEDGER_HOME'] ?? '.openledger'));
    const given = Object.fromEntries(
      Object.entries(rest).filter(([, value]) => value !== undefined && (value === '' || value.length > 0)),
    );
    const config = loadConfig({ home, environment: variables, flags: given });
    const log = createLog({
      ...config.log,
      nowMs,
      write: (line) => process.stdout.write(`${line}\n`),
    });
    const stop = new AbortController();
    signal.addEventListener('abort', () => stop.abort(), { once: true });
    if (signal.aborted) stop.abort();
    onParent(() => stop.abort());
    // Opening the keys and the chain takes seconds: the first line says that something goes on.
    log('info', 'starting', { home });
    const { startNode } = await import('../../assemble.ts');
    const node = await startNode(config, { log, signal: stop.signal, ...(ask && { ask }) }).catch((error) => {
      if (stop.signal.aborted && (error as { code?: string }).code === 'STOPPED') return undefined;
      throw error;
    });
    if (node !== undefined) {
      tellParent({ type: 'ready', rpcPort: node.rpcPort, p2pPort: node.p2pPort });
      await node.stopped;
    }
    log('info', 'stopped');
  },
});
