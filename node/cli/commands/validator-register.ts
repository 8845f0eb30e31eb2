import { resolve } from 'node:path';
import { stakingInterface } from '../../../state/modules/interfaces.ts';
import type { Hex } from '../../../state/types.ts';
import { loadConsensusKey, provePossession } from '../../keys/consensus-key.ts';
import { checksumAddress } from '../../keys/hex.ts';
import { readPassword } from '../../keys/password.ts';
import { formatAmount, parseAmount } from '../amounts.ts';
import { defineCommand, NO_POSITIONALS } from '../command.ts';
import { openAccount, openClient, SIGNER_FLAGS } from '../session.ts';
import { addressValue } from '../values.ts';

export const command = defineCommand({
  name: 'validator register',
  summary: 'Become a validator: bond coins and prove that you hold a consensus key.',
  positionals: NO_POSITIONALS,
  flags: {
    key: { type: 'string', value: 'FILE', help: 'consensus key of the node', required: true },
    bond: { type: 'string', value: 'AMOUNT', help: 'coins bonded', required: true },
    recipient: {
      type: 'string',
      value: 'ADDRESS',
      help: 'account that gets the tips (default: the account that signs)',
    },
    'key-password-file': {
      type: 'string',
      value: 'FILE',
      help: 'file with the password of the consensus key',
    },
    ...SIGNER_FLAGS,
  },
  details:
    'The account that signs is the operator: the bond is its own. The node with the key should follow the chain before, with validator.key and validator.operator set: it votes from the second block after this one.',
  async run(invocation) {
    const { flags, out, variables, workingDirectory, ask } = invocation;
    const value = parseAmount(flags.bond);
    const account = await openAccount(invocation);
    const recipient =
      flags.recipient === undefined ? account.address : addressValue(flags.recipient, '--recipient');
    const key = await loadConsensusKey(resolve(workingDirectory, flags.key), () =>
      readPassword(
        { file: flags['key-password-file'], environment: variables, ask },
        `Password of ${flags.key}: `,
      ),
    );
    const client = openClient(invocation);
    const { genesisHash } = await client.rpc.request<{ genesisHash: Hex }>('ol_chainInfo');
    const proof = provePossession(key, account.address, genesisHash);
    const { hash } = await client.perform(
      account,
      stakingInterface,
      'register',
      [key.publicKey, proof, recipient],
      { value },
    );
    if (flags.json) out.json({ operator: account.address, bond: value, transaction: hash });
    else out.line(`${checksumAddress(account.address)} is a validator with ${formatAmount(value)} bonded`);
  },
});
