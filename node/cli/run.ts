/** `openledger`: finds the command, loads it alone, and turns what it throws into one line and an exit code. */
import { systemReason, UserError } from '../config/errors.ts';
import { didYouMean } from '../config/suggest.ts';
import { type Command, type Environment, EXIT, type Invocation } from './command.ts';
import { toJson } from './output.ts';
import { helpOf, parseLine } from './parse.ts';

interface Entry {
  readonly summary: string;
  readonly load: () => Promise<{ readonly command: Command }>;
}

/** In the order in which `openledger --help` shows them. Only the called one is imported. */
export const COMMANDS: Readonly<Record<string, Entry>> = {
  devnet: {
    summary: 'run a network of validators on this machine',
    load: () => import('./commands/devnet.ts'),
  },
  init: { summary: 'make the folder of a node', load: () => import('./commands/init.ts') },
  start: { summary: 'run a node', load: () => import('./commands/start.ts') },
  testnet: {
    summary: 'make the folders of a network for several machines',
    load: () => import('./commands/testnet.ts'),
  },
  status: { summary: 'what a node is doing', load: () => import('./commands/status.ts') },
  'keys new': { summary: 'make a key', load: () => import('./commands/keys-new.ts') },
  'keys list': {
    summary: 'show the accounts whose keys are here',
    load: () => import('./commands/keys-list.ts'),
  },
  'keys import': {
    summary: 'store an existing private key',
    load: () => import('./commands/keys-import.ts'),
  },
  'keys export': { summary: 'show a private key', load: () => import('./commands/keys-export.ts') },
  'genesis founder': {
    summary: "print a founding validator's entry",
    load: () => import('./commands/genesis-founder.ts'),
  },
  'genesis create': {
    summary: "write a genesis file from founders' entries",
    load: () => import('./commands/genesis-create.ts'),
  },
  'genesis validate': {
    summary: 'check a genesis file',
    load: () => import('./commands/genesis-validate.ts'),
  },
  'genesis hash': {
    summary: 'hash of the first block of a genesis file',
    load: () => import('./commands/genesis-hash.ts'),
  },
  'wal check': {
    summary: 'whether the consensus log of a stopped node is whole',
    load: () => import('./commands/wal-check.ts'),
  },
  'wal repair': {
    summary: 'cut the damaged end off a consensus log',
    load: () => import('./commands/wal-repair.ts'),
  },
  'wal dump': {
    summary: 'show what the consensus log of a stopped node holds',
    load: () => import('./commands/wal-dump.ts'),
  },
  'last-signed show': {
    summary: 'what the consensus key signed last',
    load: () => import('./commands/last-signed-show.ts'),
  },
  'last-signed export': {
    summary: 'write the record for another machine',
    load: () => import('./commands/last-signed-export.ts'),
  },
  'last-signed import': {
    summary: 'take over the record of another machine',
    load: () => import('./commands/last-signed-import.ts'),
  },
  'snapshot create': {
    summary: 'make a snapshot of the state of a stopped node',
    load: () => import('./commands/snapshot-create.ts'),
  },
  'snapshot list': {
    summary: 'the snapshots that a node serves',
    load: () => import('./commands/snapshot-list.ts'),
  },
  'db stats': {
    summary: 'what the database of a stopped node holds',
    load: () => import('./commands/db-stats.ts'),
  },
  'db verify': {
    summary: 'whether the database of a stopped node is whole',
    load: () => import('./commands/db-verify.ts'),
  },
  'db prune': {
    summary: 'forget what the settings allow, and give the space back',
    load: () => import('./commands/db-prune.ts'),
  },
  reindex: {
    summary: 'build the indexes of a stopped node anew',
    load: () => import('./commands/reindex.ts'),
  },
  rollback: {
    summary: 'undo the last block of a stopped node',
    load: () => import('./commands/rollback.ts'),
  },
  reset: {
    summary: 'delete the chain of a stopped node, not its keys',
    load: () => import('./commands/reset.ts'),
  },
  export: {
    summary: 'write the state of a stopped node as JSON',
    load: () => import('./commands/export.ts'),
  },
  inspect: {
    summary: 'serve the data of a stopped node for reading',
    load: () => import('./commands/inspect.ts'),
  },
  'datanet create': { summary: 'create a DataNet', load: () => import('./commands/datanet-create.ts') },
  'datanet publish': {
    summary: 'open a DataNet for contributions',
    load: () => import('./commands/datanet-publish.ts'),
  },
  'datanet list': { summary: 'all DataNets', load: () => import('./commands/datanet-list.ts') },
  'datanet show': {
    summary: 'a DataNet and its contributions',
    load: () => import('./commands/datanet-show.ts'),
  },
  'datanet approve': {
    summary: 'accept a contribution into a DataNet',
    load: () => import('./commands/datanet-approve.ts'),
  },
  'datanet reject': { summary: 'refuse a contribution', load: () => import('./commands/datanet-reject.ts') },
  contribute: { summary: 'give documents to a DataNet', load: () => import('./commands/contribute.ts') },
  'model register': {
    summary: 'register a model that answers from DataNets',
    load: () => import('./commands/model-register.ts'),
  },
  'model check': {
    summary: 'whether an ONNX file may run on the chain, and what it takes',
    load: () => import('./commands/model-check.ts'),
  },
  'model train': {
    summary: 'register a model that validators train',
    load: () => import('./commands/model-train.ts'),
  },
  'model list': { summary: 'all models', load: () => import('./commands/model-list.ts') },
  'model show': { summary: 'a model and what it pins', load: () => import('./commands/model-show.ts') },
  'model stake': { summary: 'stake OPEN on a model', load: () => import('./commands/model-stake.ts') },
  operator: {
    summary: 'answer the requests to the models of an account',
    load: () => import('./commands/operator.ts'),
  },
  infer: { summary: 'ask a model and wait for the answer', load: () => import('./commands/infer.ts') },
  story: {
    summary: 'tell the story on a running devnet',
    load: () => import('./commands/story.ts'),
  },
  'attribution show': {
    summary: 'an answer, coloured by who is credited',
    load: () => import('./commands/attribution-show.ts'),
  },
  'attribution prove': {
    summary: 'get a proof of credits, or that a phrase occurs or not',
    load: () => import('./commands/attribution-prove.ts'),
  },
  'attribution verify': {
    summary: 'check such a proof, without a node',
    load: () => import('./commands/attribution-verify.ts'),
  },
  'attribution root': {
    summary: 'compute the root that proofs of a snapshot belong to',
    load: () => import('./commands/attribution-root.ts'),
  },
  'rewards show': { summary: 'rewards of an account', load: () => import('./commands/rewards-show.ts') },
  'rewards claim': { summary: 'take out what has vested', load: () => import('./commands/rewards-claim.ts') },
  'validator register': {
    summary: 'become a validator',
    load: () => import('./commands/validator-register.ts'),
  },
  'validator show': { summary: 'bond and power of one', load: () => import('./commands/validator-show.ts') },
  'validator bond': { summary: 'add to its bond', load: () => import('./commands/validator-bond.ts') },
  'validator unbond': {
    summary: 'take coins out of its bond',
    load: () => import('./commands/validator-unbond.ts'),
  },
  'validator withdraw': {
    summary: 'take out what is released',
    load: () => import('./commands/validator-withdraw.ts'),
  },
  'validator unjail': { summary: 'leave jail', load: () => import('./commands/validator-unjail.ts') },
};

const EXIT_BY_CODE: Readonly<Record<string, number>> = {
  USAGE: EXIT.usage,
  CONFIG_INVALID: EXIT.usage,
  GENESIS_INVALID: EXIT.usage,
  GENESIS_MISSING: EXIT.usage,
  FILE_MISSING: EXIT.usage,
  PROOF_FILE: EXIT.usage,
  FOUNDER_INVALID: EXIT.usage,
  RECORD_INVALID: EXIT.usage,
  KEY_FILE_MISSING: EXIT.usage,
  KEY_FILE_INVALID: EXIT.usage,
  KEYSTORE_UNSUPPORTED: EXIT.usage,
  WRONG_PASSWORD: EXIT.usage,
  UNKNOWN_VALIDATOR: EXIT.usage,
  TRUSTED_BLOCK_DIFFERS: EXIT.usage,
  WRONG_CHAIN: EXIT.usage,
  LAST_SIGNED_MISSING: EXIT.usage,
  LAST_SIGNED_DAMAGED: EXIT.usage,
  ATTESTED_DAMAGED: EXIT.usage,
  RUNTIME_MISMATCH: EXIT.usage,
  ENCODER_MISMATCH: EXIT.usage,
  PASSWORD_FILE: EXIT.usage,
  ACCOUNT_NEEDED: EXIT.usage,
  ACCOUNT_UNKNOWN: EXIT.usage,
  BAD_AMOUNT: EXIT.usage,
  PASSWORD_NEEDED: EXIT.usage,
  REVERTED: EXIT.refused,
  NOT_ACCEPTED: EXIT.refused,
  NODE_UNREACHABLE: EXIT.unreachable,
  TIMEOUT: EXIT.unreachable,
  INTERRUPTED: EXIT.interrupted,
};

/** Runs one command line (without node and script). Resolves with the exit code, never rejects. */
export async function runCommandLine(args: readonly string[], environment: Environment): Promise<number> {
  const { out } = environment;
  try {
    if (args[0] === '--version' || args[0] === '-v') {
      out.line(await version());
      return EXIT.ok;
    }
    const found = findCommand(args);
    if (found.kind === 'help') {
      out.line(overview(found.group));
      return found.exit;
    }
    const { command } = await found.entry.load();
    const line = parseLine(command, found.rest);
    if (line.help) {
      out.line(helpOf(command));
      return EXIT.ok;
    }
    const invocation = {
      ...environment,
      flags: line.flags,
      positionals: line.positionals,
    } as unknown as Invocation;
    return (await command.run(invocation)) ?? EXIT.ok;
  } catch (error) {
    return report(error, args.includes('--json'), environment);
  }
}

type Found =
  | { kind: 'command'; entry: Entry; rest: readonly string[] }
  | { kind: 'help'; group: string | undefined; exit: number };

/** @throws UserError USAGE for an unknown command. */
function findCommand(args: readonly string[]): Found {
  const [first, second] = args;
  if (first === undefined) return { kind: 'help', group: undefined, exit: EXIT.usage };
  if (first === '--help' || first === '-h' || first === 'help')
    return { kind: 'help', group: undefined, exit: EXIT.ok };
  const single = Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined;
  if (single) return { kind: 'command', entry: single, rest: args.slice(1) };
  const inGroup = Object.keys(COMMANDS).filter((name) => name.startsWith(`${first} `));
  if (inGroup.length > 0) {
    if (second === undefined) return { kind: 'help', group: first, exit: EXIT.usage };
    if (second === '--help' || second === '-h') return { kind: 'help', group: first, exit: EXIT.ok };
    const entry = COMMANDS[`${first} ${second}`];
    if (entry) return { kind: 'command', entry, rest: args.slice(2) };
    const words = inGroup.map((name) => name.slice(first.length + 1));
    throw new UserError('USAGE', `unknown command '${first} ${second}'.${didYouMean(second, words)}`);
  }
  const words = new Set(Object.keys(COMMANDS).map((name) => name.split(' ')[0]!));
  throw new UserError(
    'USAGE',
    `unknown command '${first}'.${didYouMean(first, words)} See openledger --help`,
  );
}

function overview(group: string | undefined): string {
  const names = Object.keys(COMMANDS).filter((name) => group === undefined || name.startsWith(`${group} `));
  const width = Math.max(...names.map((name) => name.length));
  return [
    'OpenLedger: a chain that remembers who helped make an AI answer possible, and pays them.',
    '',
    `Usage: openledger ${group ?? ''}${group ? ' ' : ''}COMMAND [flags]`,
    '',
    ...names.map((name) => `  ${name.padEnd(width)}  ${COMMANDS[name]!.summary}`),
    '',
    'openledger COMMAND --help shows the flags of a command.',
    'Exit codes: 0 done, 1 failed, 2 wrong command line, configuration or data folder, 3 refused by the chain,',
    '4 node not reachable or no answer in time, 130 interrupted.',
  ].join('\n');
}

function report(error: unknown, json: boolean, { out, variables }: Environment): number {
  const known = error instanceof Error && typeof (error as { code?: unknown }).code === 'string';
  const { code, message } = named(known ? (error as unknown as { code: string }).code : 'INTERNAL', error);
  if (json) out.note(toJson({ error: { code, message } }));
  else out.note(`${out.paint('red', 'error')}: ${message}${known ? ` (${code})` : ''}`);
  // A stack helps only whoever mends the program.
  if ((!known || variables['OPENLEDGER_DEBUG']) && error instanceof Error && error.stack)
    out.note(error.stack);
  return EXIT_BY_CODE[code] ?? EXIT.failed;
}

/** What a fault of this machine is about may stand before its message; a full disk has one code, whoever meets it. */
function named(code: string, error: unknown): { code: string; message: string } {
  const message = messageOf(error);
  if (isSystemDiskFull(code))
    return { code: 'DISK_FULL', message: `${message}: make room, then run it again` };
  const [prefix, own] = (code === 'FAULT' && /^([A-Z]+_[A-Z_]+): /.exec(message)) || [];
  return own === undefined ? { code, message } : { code: own, message: message.slice(prefix!.length) };
}

const isSystemDiskFull = (code: string | undefined): boolean => code === 'ENOSPC' || code === 'EDQUOT';

/** What the operating system refuses names its path: `cannot make /x: no permission`. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { syscall, path } = error as NodeJS.ErrnoException;
  if (isSystemDiskFull((error as NodeJS.ErrnoException).code) && path === undefined)
    return `cannot ${syscall ?? 'write'}: ${systemReason(error)}`;
  if (syscall === undefined || path === undefined) return error.message;
  const verb =
    { mkdir: 'make the folder', open: 'open', scandir: 'read', unlink: 'delete' }[syscall] ?? syscall;
  // Node says so of a folder in a read-only one, too.
  const missing = syscall === 'mkdir' && (error as NodeJS.ErrnoException).code === 'ENOENT';
  return `cannot ${verb} ${path}: ${missing ? 'the folder above it is missing or read-only' : systemReason(error)}`;
}

async function version(): Promise<string> {
  const { readFileSync } = await import('node:fs');
  const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  return `openledger ${manifest.version}`;
}
