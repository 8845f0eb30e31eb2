import { attributionLines } from '../attribution-view.ts';
import { defineCommand } from '../command.ts';
import { readAnswer } from '../inference-data.ts';
import { NODE_FLAGS, openClient } from '../session.ts';
import { hashId } from '../values.ts';

export const command = defineCommand({
  name: 'attribution show',
  summary: 'An answer with its words coloured by who is credited, and the shares of the data pool.',
  positionals: { usage: 'REQUEST', min: 1, max: 1 },
  flags: NODE_FLAGS,
  async run(invocation) {
    const { out, flags, positionals } = invocation;
    const answer = await readAnswer(openClient(invocation), hashId(positionals[0]!, 'REQUEST'));
    if (flags.json) out.json(answer);
    else for (const line of attributionLines(answer, out)) out.line(line);
  },
});
