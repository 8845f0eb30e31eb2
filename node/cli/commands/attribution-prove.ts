import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { UserError } from '../../config/errors.ts';
import { defineCommand } from '../command.ts';
import { provenLines, verifyProofFile } from '../proof-file.ts';
import { NODE_FLAGS, openClient } from '../session.ts';
import { snapshotFlags } from '../snapshots.ts';
import { hashId } from '../values.ts';

export const command = defineCommand({
  name: 'attribution prove',
  summary: 'Ask a node for a proof: of the credits of an answer, or that a phrase occurs or not.',
  positionals: { usage: '[REQUEST]', min: 0, max: 1 },
  flags: {
    text: { type: 'string', value: 'TEXT', help: 'a phrase; without it the credits of REQUEST are proven' },
    snapshot: {
      type: 'string',
      value: 'DATANET:LENGTH',
      multiple: true,
      help: 'where the phrase is looked for, instead of what REQUEST pins; may be repeated',
    },
    out: { type: 'string', value: 'FILE', help: 'where to write the proof (default: standard output)' },
    ...NODE_FLAGS,
  },
  details: 'The proof is checked before it is written. attribution verify FILE checks it again, anywhere.',
  async run(invocation) {
    const { out, flags, positionals, workingDirectory } = invocation;
    const snapshots = snapshotFlags(flags.snapshot);
    const [request] = positionals;
    if ((request === undefined) === (snapshots.length === 0))
      throw new UserError('USAGE', 'name either a REQUEST or a --snapshot');
    const question = {
      ...(request === undefined ? { snapshots } : { requestId: hashId(request, 'REQUEST') }),
      ...(flags.text === undefined ? {} : { text: flags.text }),
    };
    const answer = await openClient(invocation).rpc.request<object | null>('ol_getAttributionProof', [
      question,
    ]);
    if (answer === null)
      throw new UserError('NOT_SETTLED', 'the node knows no such snapshot, or no answer to that request yet');
    const text = `${JSON.stringify(answer)}\n`;
    const proof = verifyProofFile(text);
    if (flags.out === undefined) return out.line(text.trimEnd());
    writeFileSync(resolve(workingDirectory, flags.out), text);
    if (flags.json) out.json({ root: proof.root, file: flags.out });
    else {
      for (const line of provenLines(proof)) out.line(line);
      const { attested } = answer as { attested?: { status: string } };
      out.line(
        `attested  ${attested?.status === 'attested' ? 'yes, says the node; attribution verify --attested shows it' : `no (${attested?.status ?? 'unknown'}): the root is the word of the node`}`,
      );
    }
  },
});
