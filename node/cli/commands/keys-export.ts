import { toHex } from '../../keys/hex.ts';
import { defineCommand } from '../command.ts';
import { openAccount } from '../session.ts';

export const command = defineCommand({
  name: 'keys export',
  summary: 'Show the private key of an account. Whoever sees it owns the account.',
  positionals: { usage: 'NAME', min: 1, max: 1 },
  flags: {
    keys: {
      type: 'string',
      value: 'DIR',
      help: 'folder of key files (default $OPENLEDGER_HOME/keys, else ./.openledger/keys)',
    },
    'password-file': { type: 'string', value: 'FILE', help: 'file with the password of the key file' },
    json: { type: 'boolean', help: 'print JSON for programs' },
  },
  async run({ flags, positionals, ...environment }) {
    const account = await openAccount({
      ...environment,
      flags: { ...flags, from: positionals[0], rpc: undefined, devnet: undefined },
    });
    const privateKey = toHex(account.privateKey);
    if (flags.json) environment.out.json({ address: account.address, privateKey });
    else environment.out.line(privateKey);
  },
});
