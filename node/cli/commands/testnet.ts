import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DEFAULT_PARAMS, OPEN } from '../../../genesis/parameters.ts';
import { createGenesis } from '../../../genesis/presets.ts';
import { serialiseGenesis } from '../../../genesis/schema.ts';
import type { GenesisValidator } from '../../../genesis/types.ts';
import { CONFIG_FILE, UserError, writeConfig } from '../../config/config.ts';
import { createAccountKey, encryptAccount } from '../../keys/account-keystore.ts';
import { STANDARD_SCRYPT } from '../../keys/cipher.ts';
import { createConsensusKey, provePossession, writeConsensusKey } from '../../keys/consensus-key.ts';
import { writeFileAtomic } from '../../keys/files.ts';
import { addressOf, toHex } from '../../keys/hex.ts';
import { loadOrCreateNodeKey, peerIdOf } from '../../keys/node-key.ts';
import { chooseNewPassword } from '../../keys/password.ts';
import { writeFirstRecord } from '../../validator/record-exchange.ts';
import { defineCommand, NO_POSITIONALS } from '../command.ts';
import { FUND_FLAG, readFunding } from '../funding.ts';
import { shellWord } from '../output.ts';
import { wholeNumber } from '../values.ts';

const P2P_PORT = 30_333;
const BOND = 1_000n * OPEN;

export const command = defineCommand({
  name: 'testnet',
  summary: 'Make the folders of a network for several machines: keys, one genesis file, configurations.',
  positionals: NO_POSITIONALS,
  flags: {
    validators: { type: 'string', value: 'N', help: 'number of validators, 1 to 100 (default 4)' },
    fullnodes: { type: 'string', value: 'M', help: 'number of nodes that follow without voting (default 0)' },
    out: { type: 'string', value: 'DIR', help: 'empty folder to write to', required: true },
    host: {
      type: 'string',
      value: 'NAMES',
      help: 'host names or addresses of the nodes in order, by commas (default 127.0.0.1)',
    },
    'chain-id': { type: 'string', value: 'ID', help: `chain id (default ${DEFAULT_PARAMS.chainId})` },
    fund: FUND_FLAG,
    'password-file': { type: 'string', value: 'FILE', help: 'file with the password for all new keys' },
    json: { type: 'boolean', help: 'print JSON for programs' },
  },
  details: `
DIR/validator-0 ... and DIR/fullnode-0 ... are the homes: copy each to its machine and run openledger start --home.
On one host the nodes use ports 30333+i and 8545+i. All keys have one password, which lies in each home
(keys/password): for tests and trials. Founders who do not share a machine make their keys themselves (openledger keys
new) and one of them writes the genesis file (openledger genesis founder, openledger genesis create).`,
  async run({ flags, out, nowMs, workingDirectory, variables, ask }) {
    const validators = wholeNumber(flags.validators ?? '4', '--validators', 1, 100);
    const total = validators + wholeNumber(flags.fullnodes ?? '0', '--fullnodes', 0, 100);
    const chainId = wholeNumber(
      flags['chain-id'] ?? String(DEFAULT_PARAMS.chainId),
      '--chain-id',
      1,
      4_503_599_627_370_476,
    );
    const directory = resolve(workingDirectory, flags.out);
    if (existsSync(directory) && readdirSync(directory).length > 0)
      throw new UserError('FILE_EXISTS', `${directory} is not empty; give another --out`);
    const hosts = (flags.host ?? '127.0.0.1').split(',').map((host) => host.trim());
    if (hosts.length !== 1 && hosts.length !== total)
      throw new UserError(
        'USAGE',
        `--host: ${hosts.length} names for ${total} nodes; give one name, or one each`,
      );
    const password = await chooseNewPassword({ file: flags['password-file'], environment: variables, ask });
    const balances = readFunding(flags.fund);

    const homes = Array.from({ length: total }, (_, i) =>
      join(directory, i < validators ? `validator-${i}` : `fullnode-${i - validators}`),
    );
    const founders: GenesisValidator[] = [];
    for (const home of homes.slice(0, validators)) {
      const key = createConsensusKey();
      const privateKey = createAccountKey();
      const address = addressOf(privateKey);
      writeConsensusKey(join(home, 'keys', 'validator.json'), key, password, STANDARD_SCRYPT);
      writeFirstRecord(join(home, 'keys', 'validator.json'));
      writeFileAtomic(
        join(home, 'keys', 'operator.json'),
        `${JSON.stringify(encryptAccount(privateKey, password))}\n`,
      );
      founders.push({
        address,
        blsPublicKey: toHex(key.publicKey),
        proofOfPossession: toHex(provePossession(key, address, chainId)),
        bond: BOND,
        recipient: address,
      });
    }
    const genesis = createGenesis({
      validators: founders,
      balances,
      timestamp: Math.floor(nowMs() / 1000),
      params: { ...DEFAULT_PARAMS, chainId },
    });
    const text = serialiseGenesis(genesis);
    const sameHost = hosts.length === 1;
    const addresses = homes.map((home, i) => {
      const peerId = peerIdOf(loadOrCreateNodeKey(join(home, 'keys', 'node.json')));
      const host = hosts[sameHost ? 0 : i]!;
      const kind = /^[\d.]+$/.test(host) ? 'ip4' : host.includes(':') ? 'ip6' : 'dns4';
      return `/${kind}/${host}/tcp/${sameHost ? P2P_PORT + i : P2P_PORT}/p2p/${peerId}`;
    });
    homes.forEach((home, i) => {
      const config = writeConfig({
        ...(i < validators && {
          'validator.key': 'keys/validator.json',
          'validator.passwordFile': 'keys/password',
          'validator.operator': founders[i]!.address,
        }),
        'rpc.port': sameHost ? 8_545 + i : 8_545,
        'p2p.listen': [`/ip4/0.0.0.0/tcp/${sameHost ? P2P_PORT + i : P2P_PORT}`],
        'p2p.persistent': addresses.filter((_, other) => other !== i && other < validators),
      });
      writeFileAtomic(join(home, CONFIG_FILE), config, { mode: 0o644 });
      writeFileAtomic(join(home, 'genesis.json'), text, { mode: 0o644 });
      if (i < validators) writeFileAtomic(join(home, 'keys', 'password'), `${password}\n`);
    });
    writeFileAtomic(join(directory, 'genesis.json'), text, { mode: 0o644 });
    if (flags.json) return void out.json({ chainId, directory, homes, addresses });
    out.line(`${total} nodes of chain ${chainId} in ${directory}`);
    for (const home of homes) out.line(`  openledger start --home ${shellWord(home)}`);
  },
});
