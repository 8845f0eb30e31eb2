/**
 * One line a happening. Levels are a contract with the person who reads them: `error` means somebody must act,
 * `warn` that the node helped itself, `info` a handful of lines a minute, `debug` everything else. Fields are flat
 * and never hold secrets.
 */
import { UserError } from './config/errors.ts';
import type { Log, LogLevel } from './validator/ports.ts';

export type { Log, LogLevel } from './validator/ports.ts';

export type LogFormat = 'human' | 'json';
export type LogFields = Readonly<Record<string, string | number | boolean>>;

const SEVERITY: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Longer messages and values are cut: a log line must not become a way to fill a disk. */
const MAX_TEXT = 2_000;

export interface LogOptions {
  /** Least level that is written. */
  level: LogLevel;
  /** Other levels by module, as `module:level`. Lines without a module have the module `node`. */
  modules?: readonly string[];
  format: LogFormat;
  /** Milliseconds since 1970. */
  nowMs: () => number;
  /** Receives one finished line without its newline. */
  write: (line: string) => void;
}

/** A log that writes to `options.write`. Fields named `module` come first in the human form. */
export function createLog(options: LogOptions): Log {
  const least = SEVERITY[options.level];
  const byModule = new Map((options.modules ?? []).map(moduleLevel));
  return (level, message, fields = {}) => {
    if (SEVERITY[level] < (byModule.get(String(fields.module ?? 'node')) ?? least)) return;
    const time = new Date(options.nowMs()).toISOString();
    options.write(
      options.format === 'json'
        ? jsonLine(time, level, message, fields)
        : humanLine(time, level, message, fields),
    );
  };
}

/** @throws UserError CONFIG_INVALID */
function moduleLevel(text: string): readonly [module: string, severity: number] {
  const [module, level, ...rest] = text.split(':');
  if (!module || !isLogLevel(level) || rest.length > 0)
    throw new UserError(
      'CONFIG_INVALID',
      `log.modules: '${text}' is not MODULE:LEVEL with debug, info, warn or error`,
    );
  return [module, SEVERITY[level]];
}

/** The same log with `fields` added to every line; a line's own fields win. */
export function withFields(log: Log, fields: LogFields): Log {
  return (level, message, own) => log(level, message, { ...fields, ...own });
}

/** Marks the lines of one part of the node. */
export function forModule(log: Log, module: string): Log {
  return withFields(log, { module });
}

/** Drops everything; for tools that print their own output. */
export const silentLog: Log = () => {};

export function isLogLevel(value: unknown): value is LogLevel {
  return typeof value === 'string' && Object.hasOwn(SEVERITY, value);
}

function jsonLine(time: string, level: LogLevel, message: string, fields: LogFields): string {
  const line: Record<string, string | number | boolean> = { time, level, message: cut(message) };
  for (const [key, value] of Object.entries(fields))
    line[key] = typeof value === 'string' ? cut(value) : value;
  return JSON.stringify(line);
}

function humanLine(time: string, level: LogLevel, message: string, fields: LogFields): string {
  const { module, ...rest } = fields;
  let line = `${time.slice(11, 23)} ${level.toUpperCase().padEnd(5)} `;
  if (module !== undefined) line += `${module}: `;
  line += printable(cut(message));
  for (const [key, value] of Object.entries(rest)) line += ` ${key}=${fieldText(value)}`;
  return line;
}

function fieldText(value: string | number | boolean): string {
  if (typeof value !== 'string') return String(value);
  const text = cut(value);
  return /^[\w.:/@+-]+$/.test(text) ? text : JSON.stringify(text);
}

/** Text from peers and contracts must not move a terminal's cursor. */
function printable(text: string): string {
  let out = '';
  for (const char of text) {
    const code = char.codePointAt(0) as number;
    out += code < 0x20 || code === 0x7f ? ' ' : char;
  }
  return out;
}

function cut(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}…`;
}
