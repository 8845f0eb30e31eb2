import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Hex } from '../../../genesis/types.ts';
import { UserError } from '../../config/errors.ts';
import { DEVNET_FILE, runningDevnet } from '../../devnet/prepare.ts';
import { defineCommand, NO_POSITIONALS } from '../command.ts';

export const command = defineCommand({
  name: 'story',
  summary: 'Tell the story on a running devnet: contribute, ask, attribute, pay, check.',
  positionals: NO_POSITIONALS,
  flags: {
    devnet: { type: 'string', value: 'DIR', help: 'folder of the devnet (default ./.devnet)' },
  },
  details: `
The account 'operator' must answer: run openledger operator --from operator in another terminal, or let
openledger devnet --story do both.`,
  async run({ flags, out, signal, workingDirectory }) {
    const dir = resolve(workingDirectory, flags.devnet ?? '.devnet');
    if (runningDevnet(dir) === undefined)
      throw new UserError(
        'DEVNET_NOT_RUNNING',
        `no devnet is running in ${dir}; start one with openledger devnet`,
      );
    const file = JSON.parse(readFileSync(join(dir, DEVNET_FILE), 'utf8')) as {
      rpcUrls: string[];
      accounts: { name: string; privateKey: Hex }[];
    };
    const { runStory } = await import('../../story/index.ts');
    await runStory({ rpcUrls: file.rpcUrls, accounts: file.accounts, out, signal });
  },
});
