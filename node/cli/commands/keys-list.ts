import { join } from 'node:path';
import { runningDevnet } from '../../devnet/prepare.ts';
import { addressInKeystore } from '../../keys/account-keystore.ts';
import { readKeyJson } from '../../keys/files.ts';
import { checksumAddress } from '../../keys/hex.ts';
import { defineCommand, NO_POSITIONALS } from '../command.ts';
import { table } from '../output.ts';
import { keyFilesIn, keysDirectory } from '../session.ts';

export const command = defineCommand({
  name: 'keys list',
  summary: 'Show the accounts whose keys are here.',
  positionals: NO_POSITIONALS,
  flags: {
    keys: {
      type: 'string',
      value: 'DIR',
      help: 'folder of key files (default $OPENLEDGER_HOME/keys, else ./.openledger/keys)',
    },
    json: { type: 'boolean', help: 'print JSON for programs' },
  },
  async run({ flags, out, ...environment }) {
    const directory = keysDirectory(flags.keys, environment);
    const inFiles = [...keyFilesIn(directory)].map(([name, path]) => ({
      name,
      address: checksumAddress(addressInKeystore(readKeyJson(path))!),
      where: path,
    }));
    const development = (runningDevnet(join(environment.workingDirectory, '.devnet'))?.accounts ?? []).map(
      ({ name, address }) => ({ name, address, where: 'devnet' }),
    );
    const accounts = [...inFiles, ...development];
    if (flags.json) return void out.json(accounts);
    if (accounts.length === 0)
      return void out.note(`no keys in ${directory}; make one with openledger keys new NAME`);
    for (const row of table([
      ['name', 'address', 'where'],
      ...accounts.map((one) => [one.name, one.address, one.where]),
    ]))
      out.line(row);
  },
});
