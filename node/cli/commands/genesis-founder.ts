import { resolve } from 'node:path';
import { DEFAULT_PARAMS } from '../../../genesis/parameters.ts';
import { loadConsensusKey, provePossession } from '../../keys/consensus-key.ts';
import { toHex } from '../../keys/hex.ts';
import { readPassword } from '../../keys/password.ts';
import { parseAmount } from '../amounts.ts';
import { defineCommand, NO_POSITIONALS } from '../command.ts';
import { addressValue, wholeNumber } from '../values.ts';

export const command = defineCommand({
  name: 'genesis founder',
  summary: 'Print the public entry of a founding validator, with the proof that it holds its key.',
  positionals: NO_POSITIONALS,
  flags: {
    key: { type: 'string', value: 'FILE', help: 'consensus key (see openledger keys new)', required: true },
    operator: { type: 'string', value: 'ADDRESS', help: 'account that the bond belongs to', required: true },
    recipient: {
      type: 'string',
      value: 'ADDRESS',
      help: 'account that gets the tips (default: the operator)',
    },
    bond: { type: 'string', value: 'AMOUNT', help: 'coins bonded (default 1000)' },
    'chain-id': { type: 'string', value: 'ID', help: `chain id (default ${DEFAULT_PARAMS.chainId})` },
    'password-file': { type: 'string', value: 'FILE', help: 'file with the password of the key file' },
  },
  details: 'Send it to whoever writes the genesis file (openledger genesis create). It holds no secret.',
  async run({ flags, out, variables, workingDirectory, ask }) {
    const chainId = wholeNumber(
      flags['chain-id'] ?? String(DEFAULT_PARAMS.chainId),
      '--chain-id',
      1,
      4_503_599_627_370_476,
    );
    const address = addressValue(flags.operator, '--operator');
    const key = await loadConsensusKey(resolve(workingDirectory, flags.key), () =>
      readPassword(
        { file: flags['password-file'], environment: variables, ask },
        `Password of ${flags.key}: `,
      ),
    );
    out.json({
      address,
      blsPublicKey: toHex(key.publicKey),
      proofOfPossession: toHex(provePossession(key, address, chainId)),
      bond: parseAmount(flags.bond ?? '1000'),
      recipient: flags.recipient === undefined ? address : addressValue(flags.recipient, '--recipient'),
    });
  },
});
