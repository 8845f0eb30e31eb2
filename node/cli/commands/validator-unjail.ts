import { stakingInterface } from '../../../state/modules/interfaces.ts';
import { defineCommand, NO_POSITIONALS } from '../command.ts';
import { openAccount, openClient, SIGNER_FLAGS } from '../session.ts';

export const command = defineCommand({
  name: 'validator unjail',
  summary: 'Bring your validator out of jail, when its time is over.',
  positionals: NO_POSITIONALS,
  flags: SIGNER_FLAGS,
  async run(invocation) {
    const { flags, out } = invocation;
    const account = await openAccount(invocation);
    const { hash } = await openClient(invocation).perform(account, stakingInterface, 'unjail', []);
    if (flags.json) out.json({ operator: account.address, transaction: hash });
    else out.line('out of jail: it votes from the second block after this one');
  },
});
