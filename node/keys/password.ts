/** Where passwords come from: a file, the environment, or the person, in this order. Never the command line. */
import { readFileSync, statSync } from 'node:fs';
import { systemReason, UserError } from '../config/errors.ts';

export interface PasswordSources {
  /** Its first line, without the line end. */
  readonly file?: string | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Asks on the terminal; absent when nobody is there. */
  readonly ask?: ((prompt: string) => Promise<string>) | undefined;
  /** How this command is told of a file; default `--password-file FILE`. */
  readonly fileSetting?: string;
}

const MAX_PASSWORD_BYTES = 4_096;

/** @throws UserError PASSWORD_NEEDED when no source has one, PASSWORD_FILE for an unreadable or empty file. */
export async function readPassword(sources: PasswordSources, prompt: string): Promise<string> {
  if (sources.file) return passwordFromFile(sources.file);
  const fromEnvironment = sources.environment?.['OPENLEDGER_PASSWORD'];
  // Empty is as good as not set: a script whose secret is missing must not make keys that anybody opens.
  if (fromEnvironment) return fromEnvironment;
  if (sources.ask) return sources.ask(prompt);
  throw new UserError(
    'PASSWORD_NEEDED',
    `a password is needed: give ${sources.fileSetting ?? '--password-file FILE'}, or set OPENLEDGER_PASSWORD`,
  );
}

/** For a new key: asked twice, at least eight characters when a person types it. */
export async function chooseNewPassword(sources: PasswordSources): Promise<string> {
  if (sources.file || sources.environment?.['OPENLEDGER_PASSWORD'] || !sources.ask)
    return readPassword(sources, '');
  const first = await sources.ask('New password: ');
  if ([...first].length < 8)
    throw new UserError('PASSWORD_TOO_SHORT', 'the password needs at least eight characters');
  if ((await sources.ask('Again: ')) !== first)
    throw new UserError('PASSWORD_MISMATCH', 'the two passwords differ');
  return first;
}

function passwordFromFile(path: string): string {
  let content: string;
  try {
    if (statSync(path).size > MAX_PASSWORD_BYTES) throw new Error('larger than 4096 bytes');
    content = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UserError('PASSWORD_FILE', `cannot read the password file ${path}: ${systemReason(error)}`);
  }
  const line = content.split(/\r?\n/, 1)[0]!;
  if (line === '') throw new UserError('PASSWORD_FILE', `the first line of ${path} is empty`);
  return line;
}
