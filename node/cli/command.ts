/** What a subcommand is. Each lives in a file of its own and is loaded only when it is called. */
import type { Output } from './output.ts';

export interface FlagSpec {
  readonly type: 'string' | 'boolean';
  readonly help: string;
  /** Shown in the usage: `--out DIR`. */
  readonly value?: string;
  readonly short?: string;
  readonly multiple?: true;
  readonly required?: true;
  /** Whether `--flag ""` means something: a setting that is emptied. */
  readonly mayBeEmpty?: true;
}
export type FlagSpecs = Readonly<Record<string, FlagSpec>>;

type FlagValue<S extends FlagSpec> = S extends { type: 'boolean' }
  ? boolean
  : S extends { multiple: true }
    ? readonly string[]
    : S extends { required: true }
      ? string
      : string | undefined;
export type Flags<S extends FlagSpecs> = { readonly [K in keyof S]: FlagValue<S[K]> };

/** The process around a command, passed in so that commands can be tested. */
export interface Environment {
  readonly out: Output;
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** Asks on the terminal without echo; absent when nobody is there. */
  readonly ask?: (prompt: string) => Promise<string>;
  readonly nowMs: () => number;
}

export interface Invocation<S extends FlagSpecs = FlagSpecs> extends Environment {
  readonly flags: Flags<S>;
  readonly positionals: readonly string[];
}

export interface Command<S extends FlagSpecs = FlagSpecs> {
  /** After `openledger`: `contribute`, `keys new`. */
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** Positionals as shown in the usage: `FILES...`; empty for none. */
  readonly positionals: { readonly usage: string; readonly min: number; readonly max: number };
  readonly flags: S;
  /** More than the summary says: shown below the usage. */
  readonly details?: string;
  /** Exit code; default 0. */
  run(invocation: Invocation<S>): Promise<number | undefined | void>;
}

export const NO_POSITIONALS = { usage: '', min: 0, max: 0 } as const;

/** Lets the compiler derive the flags' types from the literal. */
export function defineCommand<const S extends FlagSpecs>(command: Command<S>): Command {
  return command as unknown as Command;
}

/**
 * Exit codes, stable for scripts.
 * 0 done; 1 failed; 2 the command line or the configuration is wrong; 3 the chain refused it (a transaction that
 * reverted or was not accepted); 4 no answer in time, or the node cannot be reached; 130 interrupted.
 */
export const EXIT = { ok: 0, failed: 1, usage: 2, refused: 3, unreachable: 4, interrupted: 130 } as const;
