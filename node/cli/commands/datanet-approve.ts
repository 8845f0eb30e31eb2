import { queueApproval, waitForAcceptance } from '../../client/approve.ts';
import { defineCommand } from '../command.ts';
import { openAccount, openClient, SIGNER_FLAGS } from '../session.ts';
import { hashId } from '../values.ts';

export const command = defineCommand({
  name: 'datanet approve',
  summary: 'Accept a contribution into a DataNet of yours. Records that stand in it already are left out.',
  positionals: { usage: 'CONTRIBUTION', min: 1, max: 1 },
  flags: {
    'no-wait': { type: 'boolean', help: 'return when it is queued, not when it is in the DataNet' },
    ...SIGNER_FLAGS,
  },
  details: `
Validators compute which records are new and attest the result; the contribution enters the DataNet when more than two
thirds of their power agree, in the order of approval. That takes about a second.`,
  async run(invocation) {
    const { flags, out, positionals } = invocation;
    const id = hashId(positionals[0]!, 'CONTRIBUTION');
    const client = openClient(invocation);
    const queued = await queueApproval(client, await openAccount(invocation), id);
    const say = flags.json ? () => {} : out.note;
    if (flags['no-wait']) {
      if (flags.json) out.json({ id, ...queued });
      else out.line('approved, being attested; see openledger datanet show');
      return;
    }
    say('approved, being attested by the validators');
    const acceptance = await waitForAcceptance(client, id, ({ power, totalPower }) => {
      if (power > 0n) say(`  attested by ${(100n * power) / totalPower} % of the voting power`);
    });
    if (flags.json) return out.json({ ...acceptance, transaction: queued.transaction });
    const { acceptedCount, recordCount, index, novelRecords, novelTokens, unquotedTokens, tokens } =
      acceptance;
    out.line(
      `in the DataNet: ${acceptedCount} of ${recordCount} records accepted; the contribution is number ${index}`,
    );
    out.line(
      `new: ${novelRecords} records are like none before, with ${novelTokens} of its ${tokens} tokens; ${unquotedTokens} of them in no quotation of earlier texts`,
    );
  },
});
