import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { UserError } from '../../config/errors.ts';
import { checkAttested } from '../attested-root.ts';
import { defineCommand } from '../command.ts';
import { provenLines, verifyProofFile } from '../proof-file.ts';
import { NODE_FLAGS, openClient } from '../session.ts';
import { hashId, wholeNumber } from '../values.ts';

export const command = defineCommand({
  name: 'attribution verify',
  summary: 'Check a file of attribution prove. Needs no texts, and a node only for --attested.',
  positionals: { usage: 'FILE', min: 1, max: 1 },
  flags: {
    root: { type: 'string', value: 'ROOT', help: 'the root that you trust: attribution root computes it' },
    attested: {
      type: 'boolean',
      help: 'show that validators attested the root: a node is asked for a proof of it',
    },
    block: {
      type: 'string',
      value: 'NUMBER',
      help: 'with --attested: the block whose state is meant (default: the head)',
    },
    'state-root': {
      type: 'string',
      value: 'HASH',
      help: 'with --attested: the state root that you trust, of a header whose certificate you checked',
    },
    ...NODE_FLAGS,
  },
  details:
    'A proof shows what follows from its root. That the root is the one of the snapshots, validators attest: --attested\n' +
    'checks it in the state of a node. Or compute it yourself (openledger attribution root) and give it as --root.',
  async run(invocation) {
    const { flags, positionals, out, workingDirectory } = invocation;
    const path = resolve(workingDirectory, positionals[0]!);
    if (!existsSync(path)) throw new UserError('FILE_MISSING', `there is no file ${path}`);
    const proof = verifyProofFile(readFileSync(path, 'utf8'));
    const trusted = flags.root === undefined ? undefined : hashId(flags.root, '--root');
    if (trusted !== undefined && trusted !== proof.root)
      throw new UserError('PROOF_INVALID', `the proof belongs to the root ${proof.root}, not to ${trusted}`);
    const state = flags['state-root'];
    if (!flags.attested && (state ?? flags.block) !== undefined)
      throw new UserError('USAGE', '--block and --state-root are for --attested');
    const attested = flags.attested
      ? await checkAttested(openClient(invocation), proof, {
          ...(flags.block !== undefined && {
            block: wholeNumber(flags.block, '--block', 0, Number.MAX_SAFE_INTEGER),
          }),
          ...(state !== undefined && { stateRoot: hashId(state, '--state-root') }),
        })
      : undefined;
    if (flags.json)
      return out.json({
        verified: true,
        rootGiven: trusted !== undefined,
        attested: attested ?? null,
        ...proof,
      });
    for (const line of provenLines(proof)) out.line(line);
    if (attested !== undefined) {
      out.line(
        `attested  by the validators, in the state of block ${attested.blockNumber} (${attested.blockHash})`,
      );
      if (state === undefined)
        out.note('the state is the one that the node names; --state-root says which you trust');
    } else if (trusted === undefined)
      out.note(
        'the root is the one that the file names, and is not checked; --attested checks that validators attested it',
      );
  },
});
