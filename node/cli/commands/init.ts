import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { CONFIG_FILE, UserError, writeConfig } from '../../config/config.ts';
import { readGenesisFile } from '../../config/genesis-file.ts';
import { publicKeyInFile } from '../../keys/consensus-key.ts';
import { writeFileAtomic } from '../../keys/files.ts';
import { toHex } from '../../keys/hex.ts';
import { loadOrCreateNodeKey, peerIdOf } from '../../keys/node-key.ts';
import { defineCommand, NO_POSITIONALS } from '../command.ts';
import { shellWord } from '../output.ts';
import { addressValue } from '../values.ts';

export const command = defineCommand({
  name: 'init',
  summary: 'Make the folder of a node: genesis file, identity, configuration.',
  positionals: NO_POSITIONALS,
  flags: {
    home: {
      type: 'string',
      value: 'DIR',
      help: "the node's folder (default $OPENLEDGER_HOME, else ./.openledger)",
    },
    genesis: { type: 'string', value: 'FILE', help: 'genesis file of the chain', required: true },
    'validator-key': {
      type: 'string',
      value: 'FILE',
      help: 'consensus key, for a validator (see openledger keys new)',
    },
    operator: { type: 'string', value: 'ADDRESS', help: "validator's account" },
    peer: { type: 'string', value: 'MULTIADDR', help: 'node to start from', multiple: true },
    json: { type: 'boolean', help: 'print JSON for programs' },
  },
  async run({ flags, out, variables, workingDirectory }) {
    const home = resolve(workingDirectory, flags.home ?? variables['OPENLEDGER_HOME'] ?? '.openledger');
    if (existsSync(join(home, CONFIG_FILE)))
      throw new UserError('FILE_EXISTS', `${home} is a node's folder already; give another --home`);
    const genesis = readGenesisFile(flags.genesis, workingDirectory);
    const validatorKey = flags['validator-key'] && resolve(workingDirectory, flags['validator-key']);
    if (validatorKey && flags.operator === undefined) {
      const publicKey = toHex(publicKeyInFile(validatorKey));
      if (!genesis.validators.some((one) => one.blsPublicKey === publicKey))
        throw new UserError('USAGE', "the key is not a founder's: give --operator ADDRESS");
    }
    // What is wrong on the command line is said before there is half a folder, which would start without its peers.
    const config = writeConfig({
      ...(validatorKey && { 'validator.key': fromHome(home, validatorKey) }),
      ...(flags.operator && { 'validator.operator': addressValue(flags.operator, '--operator') }),
      'p2p.bootstrap': flags.peer,
    });
    mkdirSync(home, { recursive: true });
    copyFileSync(resolve(workingDirectory, flags.genesis), join(home, 'genesis.json'));
    const peerId = peerIdOf(loadOrCreateNodeKey(join(home, 'keys', 'node.json')));
    writeFileAtomic(join(home, CONFIG_FILE), config, { mode: 0o644 });
    if (flags.json) out.json({ home, chainId: genesis.params.chainId, peerId });
    else {
      out.line(`${home} is ready for chain ${genesis.params.chainId}; peer id ${peerId}`);
      out.line(`Run it with: openledger start --home ${shellWord(home)}`);
    }
  },
});

/** A key inside the home is named from there, so that the folder can be copied to another place as a whole. */
function fromHome(home: string, path: string): string {
  const way = relative(home, path);
  return way.startsWith('..') || isAbsolute(way) ? path : way;
}
