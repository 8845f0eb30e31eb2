import type { Hex } from '../../../genesis/types.ts';

/** A Transfer event of the token as the client decoded it. Addresses in lower case. */
export interface Transfer {
  readonly from: Hex;
  readonly to: Hex;
  readonly value: bigint;
}

/** A mined transaction as the client shows it. */
export interface Mined {
  readonly block: number;
  readonly succeeded: boolean;
  readonly transfers: readonly Transfer[];
}

/** A custom error as the client decoded it: its name, and its arguments as decimal numbers or lower-case hex. */
export interface TypedError {
  readonly name: string;
  readonly args: readonly string[];
}

/** `eth_getProof`'s answer of one account and one slot. */
export interface RawProof {
  readonly accountProof: readonly string[];
  readonly storageProof: readonly { readonly value: bigint; readonly proof: readonly string[] }[];
}

/** What the users of one client do with a token; each method uses the client's own way, not ours. */
export interface TokenClient {
  /** The account that signs. */
  readonly self: Hex;
  deploy(supply: bigint): Promise<{ token: Hex; block: number }>;
  balanceOf(token: Hex, who: Hex): Promise<bigint>;
  transfer(token: Hex, to: Hex, amount: bigint): Promise<Mined>;
  /** A transfer that the token refuses, sent all the same with a fixed gas limit. */
  failingTransfer(token: Hex, to: Hex, amount: bigint): Promise<Mined>;
  /** Why the token refuses a transfer that is only tried. */
  refusal(token: Hex, to: Hex, amount: bigint): Promise<TypedError>;
  /** Signs EIP-712 typed data for `permit`, sends it, and reads the allowance. */
  permit(token: Hex, spender: Hex, amount: bigint): Promise<bigint>;
  pastTransfers(token: Hex, from: number, to: number): Promise<readonly Transfer[]>;
  /** What an installed filter tells of `act`. */
  filtered(token: Hex, act: () => Promise<unknown>): Promise<readonly Transfer[]>;
  /** What subscriptions over WebSocket tell of `act`. */
  subscribed(
    token: Hex,
    act: () => Promise<unknown>,
  ): Promise<{ heads: readonly number[]; transfers: readonly Transfer[] }>;
  proof(token: Hex, slot: Hex, block: number): Promise<RawProof>;
  close(): Promise<void>;
}

/** Thrown where a client cannot do what a scenario asks; the reason is printed. */
export class Unsupported extends Error {
  override name = 'Unsupported';
}

export interface Scenario {
  readonly name: string;
  run(): Promise<void>;
}

export type ScenarioResult =
  | { readonly name: string; readonly outcome: 'passed' }
  | { readonly name: string; readonly outcome: 'failed' | 'skipped'; readonly reason: string };

/** Runs scenarios in order; one that fails does not stop those behind it. */
export async function runScenarios(scenarios: readonly Scenario[]): Promise<ScenarioResult[]> {
  const results: ScenarioResult[] = [];
  for (const { name, run } of scenarios) {
    try {
      await run();
      results.push({ name, outcome: 'passed' });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      results.push({ name, outcome: error instanceof Unsupported ? 'skipped' : 'failed', reason });
    }
  }
  return results;
}
