import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { UserError } from '../../config/errors.ts';
import { createAccountKey, encryptAccount } from '../../keys/account-keystore.ts';
import { createConsensusKey, writeConsensusKey } from '../../keys/consensus-key.ts';
import { writeFileAtomic } from '../../keys/files.ts';
import { addressOf, checksumAddress, toHex } from '../../keys/hex.ts';
import { peerIdOf, writeNodeKey } from '../../keys/node-key.ts';
import { chooseNewPassword } from '../../keys/password.ts';
import { movedAway, retiredRecordOf } from '../../keys/retired-record.ts';
import { writeFirstRecord } from '../../validator/record-exchange.ts';
import { defineCommand } from '../command.ts';
import { keysDirectory } from '../session.ts';
import { keyName } from '../values.ts';

export const command = defineCommand({
  name: 'keys new',
  summary: 'Make a key and store it encrypted in a file of its own.',
  positionals: { usage: 'NAME', min: 1, max: 1 },
  flags: {
    type: {
      type: 'string',
      value: 'TYPE',
      help: 'account, consensus (BLS key of a validator) or node (default account)',
    },
    keys: {
      type: 'string',
      value: 'DIR',
      help: 'folder of key files (default $OPENLEDGER_HOME/keys, else ./.openledger/keys)',
    },
    'password-file': { type: 'string', value: 'FILE', help: 'file with the password for the new key' },
    json: { type: 'boolean', help: 'print JSON for programs' },
  },
  details: `
An account's file is a Web3 keystore (version 3), a consensus key's an EIP-2335 keystore. A consensus key gets its last-signed record
beside it: keep the two together. A node key is its identity on the network and is not encrypted: the node must start without a person.`,
  async run({ flags, positionals, out, ...environment }) {
    const name = keyName(positionals[0]!);
    const path = join(keysDirectory(flags.keys, environment), `${name}.json`);
    const password = () =>
      chooseNewPassword({
        file: flags['password-file'],
        environment: environment.variables,
        ask: environment.ask,
      });
    let shown: Record<string, string>;
    switch (flags.type ?? 'account') {
      case 'account': {
        const privateKey = createAccountKey();
        writeFileAtomic(path, `${JSON.stringify(encryptAccount(privateKey, await password()))}\n`);
        shown = { name, address: checksumAddress(addressOf(privateKey)), file: path };
        break;
      }
      case 'consensus': {
        // The new key's first record would let the old key sign again.
        if (movedAway(path))
          throw new UserError(
            'FILE_EXISTS',
            `${retiredRecordOf(path)} is of a key that moved away from here; make the new one in another folder (--keys)`,
          );
        const key = createConsensusKey();
        writeConsensusKey(path, key, await password());
        writeFirstRecord(path);
        shown = { name, publicKey: toHex(key.publicKey), file: path };
        break;
      }
      case 'node': {
        const seed = new Uint8Array(randomBytes(32));
        writeNodeKey(path, seed);
        shown = { name, peerId: peerIdOf(seed), file: path };
        break;
      }
      default:
        throw new UserError('USAGE', `--type: '${flags.type}' is not account, consensus or node`);
    }
    if (flags.json) out.json(shown);
    else for (const [label, value] of Object.entries(shown)) out.line(`${label.padEnd(10)} ${value}`);
  },
});
