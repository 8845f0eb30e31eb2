/** The folder of a validator that is stopped, its chain made without a network, and the program run on it in this process. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SecretKey } from '@chainsafe/blst';
import { parseGenesis } from '../../../genesis/schema.ts';
import type { Genesis } from '../../../genesis/types.ts';
import { createOutput } from '../../../node/cli/output.ts';
import { runCommandLine } from '../../../node/cli/run.ts';
import { type DevnetPlan, prepareDevnet } from '../../../node/devnet/prepare.ts';
import { loadConsensusKey } from '../../../node/keys/consensus-key.ts';
import { openDatabase } from '../../../state/db/database.ts';
import type { Hex } from '../../../state/types.ts';
import { openTestChain, type TestValidator } from '../state/support.ts';

const NOW_MS = 1_700_000_000_000;

type Database = Awaited<ReturnType<typeof openDatabase>>;

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StoppedNode {
  /** The devnet's folder; the node's own; its database. */
  readonly dir: string;
  readonly home: string;
  readonly chainDir: string;
  readonly accounts: DevnetPlan['accounts'];
  readonly genesis: Genesis;
  readonly validators: TestValidator[];
  /** The chain in `folder`, the node's own if none is given, to make blocks on. The caller closes it. */
  openChain(folder?: string): ReturnType<typeof openTestChain>;
  withDatabase<T>(work: (db: Database) => Promise<T>): Promise<T>;
  /** `openledger LINE` with the node's folder as its home. */
  run(line: string, signal?: AbortSignal, onOutput?: (text: string) => void): Promise<Ended>;
  remove(): void;
}

/** A network of one validator that has never run. */
export async function prepareStoppedNode(): Promise<StoppedNode> {
  const dir = mkdtempSync(join(tmpdir(), 'ol-stopped-'));
  const plan = await prepareDevnet({
    dir,
    validators: 1,
    fresh: false,
    rpcPort: undefined,
    logLevel: 'error',
    nowMs: NOW_MS,
  });
  const home = plan.validators[0]!.home;
  const chainDir = join(home, 'data', 'chain');
  mkdirSync(join(home, 'data'));
  const genesis = parseGenesis(readFileSync(join(dir, 'genesis.json'), 'utf8'));
  const key = await loadConsensusKey(join(home, 'keys', 'validator.json'), () => '');
  const { address, recipient } = genesis.validators[0]!;
  const validators = [
    { address: address.toLowerCase() as Hex, recipient, secret: SecretKey.fromBytes(key.secretKey) },
  ];
  return {
    ...{ dir, home, chainDir, genesis, validators },
    accounts: plan.accounts,
    openChain: (folder = chainDir) => openTestChain({ genesis, validators, dir: folder }),
    async withDatabase(work) {
      const db = await openDatabase(chainDir);
      try {
        return await work(db);
      } finally {
        await db.close();
      }
    },
    async run(line, signal = new AbortController().signal, onOutput = () => {}) {
      let stdout = '';
      let stderr = '';
      const code = await runCommandLine(line.split(' '), {
        out: createOutput({
          write(text) {
            stdout += text;
            onOutput(text);
          },
          writeError(text) {
            stderr += text;
          },
          colours: false,
        }),
        variables: { OPENLEDGER_HOME: home },
        workingDirectory: dir,
        signal,
        nowMs: () => NOW_MS,
      });
      return { code, stdout, stderr };
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}
