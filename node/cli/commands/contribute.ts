import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Hex } from '../../../genesis/types.ts';
import { contribute } from '../../client/contribute.ts';
import { systemReason, UserError } from '../../config/errors.ts';
import { readKeyJson, writeFileAtomic } from '../../keys/files.ts';
import { defineCommand } from '../command.ts';
import { keysDirectory, openAccount, openClient, SIGNER_FLAGS } from '../session.ts';
import { hashId, numericId } from '../values.ts';

/** More than the 4,096 records of a contribution make no sense. */
const MAX_FILES = 4_096;

export const command = defineCommand({
  name: 'contribute',
  summary: 'Give documents to a DataNet: commit to them, upload them, reveal them.',
  positionals: { usage: 'FILES...', min: 1, max: MAX_FILES },
  flags: {
    datanet: { type: 'string', value: 'ID', help: 'the DataNet', required: true },
    records: {
      type: 'string',
      value: 'HOW',
      help: 'files: each file is one record; paragraphs or lines: each of them (default files)',
    },
    licence: { type: 'string', value: 'TEXT', help: 'licence of the documents (default CC0-1.0)' },
    metadata: { type: 'string', value: 'TEXT', help: 'where they are from' },
    resume: { type: 'string', value: 'ID', help: 'finish a contribution that was interrupted' },
    ...SIGNER_FLAGS,
  },
  details: `
The commit puts down a deposit (1 OPEN by default), which the reveal returns; a commit that is not revealed in time
loses it. An interrupted contribution is finished with --resume and the same files.`,
  async run(invocation) {
    const { flags, out, positionals, workingDirectory } = invocation;
    const dataNetId = numericId(flags.datanet, '--datanet');
    const records = positionals.flatMap((file) =>
      recordsOf(resolve(workingDirectory, file), flags.records ?? 'files'),
    );
    const client = openClient(invocation);
    const account = await openAccount(invocation);
    const pending = join(keysDirectory(flags.keys, invocation), '..', 'contributions');
    const fileOf = (id: string) => join(pending, `${id}.json`);
    const resumed = flags.resume === undefined ? undefined : hashId(flags.resume, '--resume');
    const say = flags.json ? () => {} : out.note;
    const result = await contribute(
      client,
      account,
      {
        dataNetId,
        records,
        licence: flags.licence ?? 'CC0-1.0',
        metadata: flags.metadata ?? '',
        ...(resumed && { salt: saltIn(fileOf(resumed)) }),
      },
      {
        remember: ({ id, salt }) => {
          if (resumed === undefined)
            writeFileAtomic(fileOf(id), `${JSON.stringify({ id, salt, files: positionals })}\n`);
          else if (id !== resumed)
            throw new UserError(
              'FILES_DIFFER',
              `these are not the files, DataNet or account of contribution ${resumed}`,
            );
          say(`contribution ${id}`);
        },
        onStep: (step) => say(`  ${step}`),
      },
      invocation.signal,
    );
    rmSync(fileOf(result.id), { force: true });
    if (flags.json) return void out.json({ ...result, dataNetId });
    out.line(result.id);
    out.note(`${result.recordCount} records, ${result.size} bytes; the DataNet's owner can approve it now`);
  },
});

function saltIn(path: string): Hex {
  if (!existsSync(path)) throw new UserError('NOTHING_TO_RESUME', `there is no ${path}`);
  return hashId(String(readKeyJson(path)['salt']), 'salt');
}

function recordsOf(path: string, how: string): Uint8Array[] {
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(readFileSync(path));
  } catch (error) {
    throw new UserError('FILE_MISSING', `cannot read ${path}: ${systemReason(error)}`);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new UserError('INVALID_UTF8', `${path} is not UTF-8 text; convert it first`);
  }
  const parts = split(text, how).filter((part) => part.trim() !== '');
  if (parts.length === 0)
    throw new UserError('EMPTY_CONTRIBUTION', `${path} is empty; give a file with text`);
  return parts.map((part) => new TextEncoder().encode(part));
}

function split(text: string, how: string): string[] {
  switch (how) {
    case 'files':
      return [text];
    case 'lines':
      return text.split(/\r?\n/);
    case 'paragraphs':
      return text.split(/(?:\r?\n[ \t]*){2,}/);
    default:
      throw new UserError('USAGE', `--records: '${how}' is not files, paragraphs or lines`);
  }
}
