import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { UserError } from '../../config/errors.ts';
import { defineCommand } from '../command.ts';
import { provenLines, verifyProofFile } from '../proof-file.ts';
import { hashId } from '../values.ts';

export const command = defineCommand({
  name: 'attribution verify',
  summary: 'Check a file of attribution prove. Needs no node and no texts.',
  positionals: { usage: 'FILE', min: 1, max: 1 },
  flags: {
    root: { type: 'string', value: 'ROOT', help: 'the root that you trust: attribution root computes it' },
    json: { type: 'boolean', help: 'print JSON for programs' },
  },
  details:
    'A proof shows what follows from its root. Whether the root is that of the snapshot, you learn from a node that you\n' +
    'trust or by computing it yourself (openledger attribution root); give it as --root.',
  run({ flags, positionals, out, workingDirectory }) {
    const path = resolve(workingDirectory, positionals[0]!);
    if (!existsSync(path)) throw new UserError('FILE_MISSING', `there is no file ${path}`);
    const proof = verifyProofFile(readFileSync(path, 'utf8'));
    const trusted = flags.root === undefined ? undefined : hashId(flags.root, '--root');
    if (trusted !== undefined && trusted !== proof.root)
      throw new UserError('PROOF_INVALID', `the proof belongs to the root ${proof.root}, not to ${trusted}`);
    if (flags.json) out.json({ verified: true, rootGiven: trusted !== undefined, ...proof });
    else {
      for (const line of provenLines(proof)) out.line(line);
      if (trusted === undefined)
        out.note('the root is the one that the file names; compare it with one you trust');
    }
    return Promise.resolve();
  },
});
