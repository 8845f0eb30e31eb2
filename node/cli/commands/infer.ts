import { inferTrained, requestInference, waitForAnswer } from '../../client/infer.ts';
import { formatAmount } from '../amounts.ts';
import { attributionLines } from '../attribution-view.ts';
import { defineCommand, NO_POSITIONALS } from '../command.ts';
import { readAnswer } from '../inference-data.ts';
import { openAccount, openClient, SIGNER_FLAGS } from '../session.ts';
import { numericId, wholeNumber } from '../values.ts';

export const command = defineCommand({
  name: 'infer',
  summary: 'Ask a model, wait for the answer, and show who is credited for it.',
  positionals: NO_POSITIONALS,
  flags: {
    model: { type: 'string', value: 'ID', help: 'the model', required: true },
    prompt: { type: 'string', value: 'TEXT', help: 'the question', required: true },
    'max-tokens': { type: 'string', value: 'N', help: 'longest answer in words and signs (default 120)' },
    timeout: { type: 'string', value: 'SECONDS', help: 'how long to wait (default 60)' },
    ...SIGNER_FLAGS,
  },
  details: `
The price of the longest answer is put down; what the answer does not use comes back, and all of it if there is no
answer or its attribution is wrong. A model that the chain trained answers at once, by every validator.`,
  async run(invocation) {
    const { flags, out } = invocation;
    const client = openClient(invocation);
    const account = await openAccount(invocation);
    const question = { modelId: numericId(flags.model, '--model'), prompt: flags.prompt };
    const maxOutputTokens = wholeNumber(flags['max-tokens'] ?? '120', '--max-tokens', 1, 65_536);
    const requestId =
      (await inferTrained(client, account, question)) ??
      (await requestInference(client, account, { ...question, maxOutputTokens }));
    if (!flags.json) out.note(`request ${requestId}; waiting for the answer`);
    const timeoutMs = wholeNumber(flags.timeout ?? '60', '--timeout', 1, 86_400) * 1_000;
    const answer = await waitForAnswer(client, requestId, timeoutMs);
    const shown = await readAnswer(client, requestId);
    if (flags.json) return void out.json({ ...answer, attribution: shown.attribution });
    for (const line of attributionLines(shown, out)) out.line(line);
    out.line(`fee ${formatAmount(answer.fee)} for ${answer.outputTokens} tokens`);
  },
});
