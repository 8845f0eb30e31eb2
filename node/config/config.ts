/**
 * Where settings come from. Later wins: defaults, `config.json` in the home directory, environment, command line.
 * An unknown name anywhere is an error with a suggestion: a setting that is silently ignored is worse than none.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { systemReason, UserError } from './errors.ts';
import { type Form, misfit } from './forms.ts';
import {
  CONFIG_LIMITS,
  ENVIRONMENT_PREFIX,
  isOption,
  NAMED_OPTIONS,
  type NamedOption,
  type NodeConfig,
  OPTIONS,
  type Option,
  type OptionTree,
} from './options.ts';
import { didYouMean } from './suggest.ts';

export { UserError } from './errors.ts';
export type { NodeConfig } from './options.ts';

/** Variables with our prefix that are not settings of a node. */
export const OTHER_VARIABLES: readonly string[] = [
  'OPENLEDGER_HOME',
  'OPENLEDGER_PASSWORD',
  'OPENLEDGER_RPC_URL',
  'OPENLEDGER_FROM',
  'OPENLEDGER_DEBUG',
];

export const CONFIG_FILE = 'config.json';

type Setting = string | number | boolean | readonly string[];

export interface ConfigSources {
  /** The node's folder; relative paths of settings start here. */
  readonly home: string;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** By flag name without dashes, as the command line gave them. */
  readonly flags?: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  /** Settings that a program gives, by key (`rpc.port`). Between file and environment. */
  readonly values?: Readonly<Record<string, Setting>>;
}

/**
 * The settings of the node whose folder is `home`.
 * @throws UserError CONFIG_INVALID naming the source and the setting.
 */
export function loadConfig(sources: ConfigSources): NodeConfig {
  const home = resolve(sources.home);
  const settings = new Map<string, Setting>(NAMED_OPTIONS.map((named) => [named.key, named.option.value]));
  const file = join(home, CONFIG_FILE);
  if (existsSync(file)) readConfigFile(file, settings);
  for (const [key, value] of Object.entries(sources.values ?? {}))
    settings.set(key, checked(find('key', key, 'setting'), value, key));
  readEnvironment(sources.environment ?? {}, settings);
  readFlags(sources.flags ?? {}, settings);
  const config = assemble(home, settings);
  if ((config.trustHash === '') !== (config.trustHeight === 0))
    throw invalid('trustHeight and trustHash name one block: give both or neither');
  return config;
}

/** Text of a configuration file that sets exactly `values` (by key). @throws UserError CONFIG_INVALID */
export function writeConfig(values: Readonly<Record<string, Setting>>): string {
  const json: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(values)) {
    checked(find('key', key, 'setting'), value, key);
    const parts = key.split('.');
    const last = parts.pop()!;
    let at = json;
    for (const part of parts) {
      at[part] ??= {};
      at = at[part] as Record<string, unknown>;
    }
    at[last] = value;
  }
  return `${JSON.stringify(json, undefined, 2)}\n`;
}

function readConfigFile(file: string, settings: Map<string, Setting>): void {
  if (statSync(file).size > CONFIG_LIMITS.maxFileBytes) throw invalid(`${file}: larger than 1 MiB`);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw invalid(`cannot read ${file}: ${systemReason(error)}`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw invalid(`${file}: not JSON: ${(error as Error).message}`);
  }
  readTree(OPTIONS, json, '', file, settings);
}

function readTree(
  tree: OptionTree,
  json: unknown,
  prefix: string,
  file: string,
  settings: Map<string, Setting>,
): void {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw invalid(`${file}: ${prefix || 'the file'} must be an object`);
  for (const [name, value] of Object.entries(json)) {
    const key = prefix === '' ? name : `${prefix}.${name}`;
    const node = Object.hasOwn(tree, name) ? tree[name] : undefined;
    if (node === undefined)
      throw invalid(
        `${file}: unknown setting '${key}'.${didYouMean(
          key,
          NAMED_OPTIONS.map((named) => named.key),
        )}`,
      );
    if (isOption(node)) settings.set(key, checked(node, value, `${file}: ${key}`));
    else readTree(node, value, key, file, settings);
  }
}

function readEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  settings: Map<string, Setting>,
): void {
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith(ENVIRONMENT_PREFIX) || OTHER_VARIABLES.includes(name) || value === undefined)
      continue;
    const named = NAMED_OPTIONS.find((one) => one.environment === name);
    if (named === undefined)
      throw invalid(
        `environment: unknown variable ${name}.${didYouMean(name, [
          ...NAMED_OPTIONS.map((one) => one.environment),
          ...OTHER_VARIABLES,
        ])}`,
      );
    settings.set(named.key, fromText(named.option, value, name));
  }
}

function readFlags(
  flags: Readonly<Record<string, string | boolean | readonly string[] | undefined>>,
  settings: Map<string, Setting>,
): void {
  for (const [name, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    const named = NAMED_OPTIONS.find((one) => one.flag === name);
    if (named === undefined) throw invalid(`unknown flag --${name}`);
    const texts = typeof value === 'object' ? value : [value];
    if (named.option.kind === 'list') {
      const where = `--${name}`;
      settings.set(named.key, checked(named.option, splitList(texts.map(String), where), where));
    } else
      settings.set(
        named.key,
        typeof value === 'boolean'
          ? checked(named.option, value, `--${name}`)
          : fromText(named.option, String(texts.at(-1)), `--${name}`),
      );
  }
}

function find(by: 'key', name: string, what: string): Option {
  const named = NAMED_OPTIONS.find((one: NamedOption) => one[by] === name);
  if (named !== undefined) return named.option;
  throw invalid(
    `unknown ${what} '${name}'.${didYouMean(
      name,
      NAMED_OPTIONS.map((one) => one[by]),
    )}`,
  );
}

/** A value from a place where everything is text. */
function fromText(option: Option, value: string, where: string): Setting {
  switch (option.kind) {
    case 'text':
      return checked(option, value, where);
    case 'int':
      return checked(option, /^\d{1,15}$/.test(value) ? Number(value) : value, where);
    case 'flag':
      if (value === 'true' || value === 'false') return value === 'true';
      throw invalid(`${where}: expected true or false, got '${value}'`);
    case 'list':
      return checked(option, splitList([value], where), where);
  }
}

/** Commas separate; the empty text is the empty list. */
function splitList(texts: readonly string[], where: string): readonly string[] {
  const items = texts
    .flatMap((one) => one.split(','))
    .map((one) => one.trim())
    .filter((one) => one !== '');
  if (items.length > CONFIG_LIMITS.maxListItems)
    throw invalid(`${where}: more than ${CONFIG_LIMITS.maxListItems} items`);
  return items;
}

function checked(option: Option, value: unknown, where: string): Setting {
  switch (option.kind) {
    case 'text':
      if (typeof value !== 'string' || value.length > CONFIG_LIMITS.maxTextChars || value.includes('\0'))
        throw invalid(`${where}: expected a text`);
      if (option.choices && !option.choices.includes(value))
        throw invalid(
          `${where}: expected one of ${option.choices.join(', ')}, got '${value}'.${didYouMean(value, option.choices)}`,
        );
      if (value !== '') checkForm(option.form, value, where);
      return value;
    case 'int':
      if (
        typeof value !== 'number' ||
        !Number.isSafeInteger(value) ||
        value < option.min ||
        value > option.max
      )
        throw invalid(
          `${where}: expected an integer from ${option.min} to ${option.max}, got ${JSON.stringify(value)}`,
        );
      if (option.least !== undefined && value !== 0 && value < option.least)
        throw invalid(`${where}: expected 0 or at least ${option.least}, got ${value}`);
      return value;
    case 'flag':
      if (typeof value !== 'boolean') throw invalid(`${where}: expected true or false`);
      return value;
    case 'list':
      if (
        !Array.isArray(value) ||
        value.length > CONFIG_LIMITS.maxListItems ||
        value.some((item) => typeof item !== 'string')
      )
        throw invalid(`${where}: expected a list of at most ${CONFIG_LIMITS.maxListItems} texts`);
      for (const item of value as string[]) checkForm(option.form, item, where);
      return value as string[];
  }
}

function checkForm(form: Form | undefined, value: string, where: string): void {
  const expected = form === undefined ? undefined : misfit(form, value);
  if (expected !== undefined) throw invalid(`${where}: expected ${expected}, got '${value.slice(0, 100)}'`);
}

function assemble(home: string, settings: ReadonlyMap<string, Setting>): NodeConfig {
  const build = (tree: OptionTree, prefix: string): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(tree).map(([name, node]) => {
        const key = prefix === '' ? name : `${prefix}.${name}`;
        if (!isOption(node)) return [name, build(node, key)];
        const value = settings.get(key)!;
        const isPath = node.kind === 'text' && node.path === true;
        return [name, isPath && typeof value === 'string' ? absolute(home, value) : value];
      }),
    );
  return { home, ...build(OPTIONS, '') } as NodeConfig;
}

/** The empty path means "none" and stays empty. */
function absolute(home: string, value: string): string {
  return value === '' || isAbsolute(value) ? value : join(home, value);
}

function invalid(message: string): UserError {
  return new UserError('CONFIG_INVALID', message);
}
