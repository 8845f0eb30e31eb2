/** The command line to an invocation. Strict: what is not known is an error with a suggestion, never ignored. */
import { parseArgs } from 'node:util';
import { UserError } from '../config/errors.ts';
import { didYouMean } from '../config/suggest.ts';
import type { Command, FlagSpecs } from './command.ts';

export interface ParsedLine {
  readonly help: boolean;
  readonly flags: Record<string, string | boolean | readonly string[] | undefined>;
  readonly positionals: readonly string[];
}

const HELP = { type: 'boolean', help: 'show this help', short: 'h' } as const;

/** @throws UserError USAGE */
export function parseLine(command: Command, args: readonly string[]): ParsedLine {
  const specs: FlagSpecs = { ...command.flags, help: HELP };
  const { values, positionals } = runParser(command, specs, args);
  if (values['help'] === true) return { help: true, flags: {}, positionals: [] };
  const flags: ParsedLine['flags'] = {};
  for (const [name, spec] of Object.entries(command.flags)) {
    const value = values[name];
    if (value === undefined && spec.required)
      throw usage(command, `--${name} ${spec.value ?? ''} is missing`);
    flags[name] =
      value ?? (spec.type === 'boolean' ? false : spec.multiple ? ([] as readonly string[]) : undefined);
  }
  const { min, max, usage: shown } = command.positionals;
  if (positionals.length < min) throw usage(command, `${shown} is missing`);
  if (positionals.length > max) throw usage(command, `unexpected argument '${positionals[max]}'`);
  return { help: false, flags, positionals };
}

function runParser(command: Command, specs: FlagSpecs, args: readonly string[]) {
  const options: NonNullable<Parameters<typeof parseArgs>[0]>['options'] = {};
  for (const [name, spec] of Object.entries(specs))
    options![name] = {
      type: spec.type,
      ...(spec.short !== undefined && { short: spec.short }),
      ...(spec.multiple && { multiple: true }),
    };
  // First without strictness: its messages name no alternatives.
  const { tokens } = parseArgs({
    args: [...args],
    options,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const seen = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const spec = Object.hasOwn(specs, token.name) ? specs[token.name] : undefined;
    if (spec === undefined)
      throw usage(command, `unknown flag ${token.rawName}.${didYouMean(token.name, Object.keys(specs))}`);
    if (spec.type === 'string' && (token.value === undefined || (token.value === '' && !spec.mayBeEmpty)))
      throw usage(command, `${token.rawName} needs a value (${spec.value ?? 'VALUE'})`);
    if (spec.type === 'boolean' && token.value !== undefined)
      throw usage(command, `${token.rawName} takes no value`);
    if (seen.has(token.name) && !spec.multiple) throw usage(command, `${token.rawName} is given twice`);
    seen.add(token.name);
  }
  const { values, positionals } = parseArgs({
    args: [...args],
    options,
    allowPositionals: true,
    strict: false,
  });
  return { values: values as Record<string, string | boolean | string[] | undefined>, positionals };
}

function usage(command: Command, problem: string): UserError {
  return new UserError(
    'USAGE',
    `${problem}${/[.?]$/.test(problem) ? '' : '.'} See openledger ${command.name} --help`,
  );
}

/** Text of `openledger NAME --help`. */
export function helpOf(command: Command): string {
  const rows = Object.entries({ ...command.flags, help: HELP } as FlagSpecs).map(([name, spec]) => [
    `${spec.short ? `-${spec.short}, ` : '    '}--${name}${spec.type === 'string' ? ` ${spec.value ?? 'VALUE'}` : ''}`,
    `${spec.help}${spec.required ? ' (required)' : ''}${spec.multiple ? ' (may be repeated)' : ''}`,
  ]);
  const width = Math.min(34, Math.max(...rows.map(([flag]) => flag!.length)));
  const lines = [
    `${command.summary}`,
    '',
    `Usage: openledger ${command.name}${command.positionals.usage && ` ${command.positionals.usage}`} [flags]`,
    '',
    ...rows.map(([flag, help]) =>
      flag!.length > width
        ? `  ${flag}\n  ${' '.repeat(width)}  ${help}`
        : `  ${flag!.padEnd(width)}  ${help}`,
    ),
  ];
  if (command.details) lines.push('', command.details.trim());
  return lines.join('\n');
}
