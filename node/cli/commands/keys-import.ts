import { join } from 'node:path';
import { UserError } from '../../config/errors.ts';
import { encryptAccount } from '../../keys/account-keystore.ts';
import { readKeyFile, writeFileAtomic } from '../../keys/files.ts';
import { addressOf, checksumAddress, fromHex } from '../../keys/hex.ts';
import { chooseNewPassword } from '../../keys/password.ts';
import { defineCommand } from '../command.ts';
import { keysDirectory } from '../session.ts';
import { keyName } from '../values.ts';

export const command = defineCommand({
  name: 'keys import',
  summary: 'Store an existing private key encrypted.',
  positionals: { usage: 'NAME', min: 1, max: 1 },
  flags: {
    'key-file': {
      type: 'string',
      value: 'FILE',
      help: 'file with the private key in hex (default: asked for)',
    },
    keys: {
      type: 'string',
      value: 'DIR',
      help: 'folder of key files (default $OPENLEDGER_HOME/keys, else ./.openledger/keys)',
    },
    'password-file': { type: 'string', value: 'FILE', help: 'file with the password for the stored key' },
    json: { type: 'boolean', help: 'print JSON for programs' },
  },
  async run({ flags, positionals, out, ...environment }) {
    const name = keyName(positionals[0]!);
    const { ask, variables } = environment;
    if (flags['key-file'] === undefined && ask === undefined)
      throw new UserError('USAGE', 'give --key-file FILE: there is no terminal to ask on');
    const text =
      flags['key-file'] === undefined ? await ask!('Private key: ') : readKeyFile(flags['key-file']);
    let privateKey: Uint8Array;
    let address: string;
    try {
      privateKey = fromHex(text.trim(), 32);
      address = checksumAddress(addressOf(privateKey));
    } catch {
      // Without the text: it may be a key with one wrong digit.
      throw new UserError('KEY_FILE_INVALID', 'that is not a private key (32 bytes of hex)');
    }
    const password = await chooseNewPassword({ file: flags['password-file'], environment: variables, ask });
    const path = join(keysDirectory(flags.keys, environment), `${name}.json`);
    writeFileAtomic(path, `${JSON.stringify(encryptAccount(privateKey, password))}\n`);
    if (flags.json) out.json({ name, address, file: path });
    else out.line(`${address} is stored in ${path}`);
  },
});
