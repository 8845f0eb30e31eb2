import { dataNetInterface } from '../../../state/modules/interfaces.ts';
import { defineCommand } from '../command.ts';
import { openAccount, openClient, SIGNER_FLAGS } from '../session.ts';
import { numericId } from '../values.ts';

export const command = defineCommand({
  name: 'datanet publish',
  summary: 'Open a DataNet of yours for contributions.',
  positionals: { usage: 'ID', min: 1, max: 1 },
  flags: SIGNER_FLAGS,
  async run(invocation) {
    const { flags, out, positionals } = invocation;
    const id = numericId(positionals[0]!, 'ID');
    const account = await openAccount(invocation);
    const { hash } = await openClient(invocation).perform(account, dataNetInterface, 'publish', [id]);
    if (flags.json) out.json({ id, transaction: hash });
    else out.line(`DataNet ${id} is open for contributions`);
  },
});
