import { contributionInterface } from '../../../state/modules/interfaces.ts';
import { eventNamed } from '../../client/client.ts';
import { defineCommand } from '../command.ts';
import { openAccount, openClient, SIGNER_FLAGS } from '../session.ts';
import { hashId } from '../values.ts';

export const command = defineCommand({
  name: 'datanet approve',
  summary: 'Accept a contribution into a DataNet of yours. Records that stand in it already are left out.',
  positionals: { usage: 'CONTRIBUTION', min: 1, max: 1 },
  flags: SIGNER_FLAGS,
  async run(invocation) {
    const { flags, out, positionals } = invocation;
    const id = hashId(positionals[0]!, 'CONTRIBUTION');
    const account = await openAccount(invocation);
    const approved = await openClient(invocation).perform(account, contributionInterface, 'approve', [id]);
    const { acceptedCount, recordCount, index } = eventNamed(approved, 'Approved');
    if (flags.json) out.json({ id, acceptedCount, recordCount, index, transaction: approved.hash });
    else out.line(`${acceptedCount} of ${recordCount} records accepted; the contribution is number ${index}`);
  },
});
