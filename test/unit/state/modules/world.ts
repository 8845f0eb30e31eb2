/**
 * A chain small enough to hold in one's head, for tests of the modules: maps for accounts, slots and bodies, a journal
 * that takes a failed call back, and the ports as functions. Calls go through the same door as in the executor: run().
 */
import { createHash } from 'node:crypto';
import { DEFAULT_PARAMS, OPEN } from '../../../../genesis/parameters.ts';
import type { ChainParams, Genesis } from '../../../../genesis/types.ts';
import { fromHex, toHex } from '../../../../state/modules/abi.ts';
import {
  type ModuleContext,
  type ModuleDefinition,
  ModuleRevert,
} from '../../../../state/modules/context.ts';
import { keccakHex } from '../../../../state/modules/hash.ts';
import { type AnyInterface, interfaceAt, interfaces } from '../../../../state/modules/interfaces.ts';
import { hooks, modules } from '../../../../state/modules/registry.ts';
import {
  type ArtifactInfo,
  type AttributionJob,
  type AttributionOutcome,
  Fault,
  type Hex,
  type InferenceJob,
  type InferenceOutcome,
  type Log,
  type StateView,
  Unavailable,
} from '../../../../state/types.ts';

export { OPEN };

export const person = (n: number): Hex => `0x${n.toString(16).padStart(2, '0').repeat(20)}`;
export const GENESIS_HASH: Hex = `0x${'9e'.repeat(32)}`;

export class OutOfGas extends Error {}

export type Outcome =
  | {
      ok: true;
      values: unknown[];
      gas: bigint;
      events: { name: string; named: Record<string, unknown> }[];
      logs: Log[];
    }
  | {
      ok: false;
      error: string;
      args: unknown[];
      gas: bigint;
    };

export interface CallOptions {
  from: Hex;
  value?: bigint;
  isStatic?: boolean;
  topLevel?: boolean;
  gas?: bigint;
}

interface State {
  balances: Map<Hex, bigint>;
  slots: Map<string, Uint8Array>;
  bodies: Map<Hex, Uint8Array>;
}

export function createWorld(overrides: (params: ChainParams) => void = () => {}) {
  const params = structuredClone(DEFAULT_PARAMS);
  overrides(params);
  let state: State = { balances: new Map(), slots: new Map(), bodies: new Map() };
  const block = { number: 1, timestamp: 1_000, parentTimestampMs: 999_000 };
  const artifacts = new Map<Hex, ArtifactInfo>();
  const texts = new Map<Hex, Uint8Array[]>();
  const portCalls = { attribute: 0, infer: 0, artifact: 0 };
  let attribute: (job: AttributionJob) => AttributionOutcome = () => {
    throw new Error('no attribution in this world');
  };
  let infer: (job: InferenceJob) => InferenceOutcome = () => {
    throw new Error('no trained model in this world');
  };

  const view: StateView = {
    account(address) {
      const balance = state.balances.get(address);
      return balance === undefined
        ? undefined
        : { nonce: 0n, balance, storageRoot: GENESIS_HASH, codeHash: GENESIS_HASH };
    },
    storage: (address, slot) => state.slots.get(address + toHex(slot))?.slice() ?? new Uint8Array(32),
    code: () => new Uint8Array(0),
    body: (hash) => state.bodies.get(hash),
  };

  function context(options: CallOptions, logs: Log[], charge: (gas: bigint) => void): ModuleContext {
    return {
      ...view,
      params,
      block: { ...block },
      genesisHash: GENESIS_HASH,
      caller: options.from,
      value: options.value ?? 0n,
      isStatic: options.isStatic ?? false,
      topLevel: options.topLevel ?? true,
      ports: {
        async attribute(job) {
          portCalls.attribute++;
          return attribute(job);
        },
        async infer(job) {
          portCalls.infer++;
          return infer(job);
        },
        async artifact(root) {
          portCalls.artifact++;
          const found = artifacts.get(root);
          if (found === undefined) throw new Unavailable({ kind: 'artifact', root });
          return found;
        },
      },
      useGas: charge,
      gasLeft: () => 0n,
      setStorage(address, slot, value) {
        if (slot.length !== 32 || value.length !== 32) throw new Error('slots and values are 32 bytes');
        state.slots.set(address + toHex(slot), value.slice());
      },
      putBody(body) {
        const hash = keccakHex(body);
        state.bodies.set(hash, body.slice());
        return hash;
      },
      transfer(from, to, amount) {
        const left = (state.balances.get(from) ?? 0n) - amount;
        if (amount < 0n || left < 0n) throw new Fault(`${from} lacks ${amount}`);
        state.balances.set(from, left);
        state.balances.set(to, (state.balances.get(to) ?? 0n) + amount);
      },
      emit: (log) => logs.push(log),
    };
  }

  const snapshot = (): State => ({
    balances: new Map(state.balances),
    slots: new Map(state.slots),
    bodies: new Map(state.bodies),
  });

  /** One call of a module with calldata; a revert or any exception takes everything back. */
  async function callRaw(
    module: ModuleDefinition,
    calldata: Uint8Array,
    options: CallOptions,
  ): Promise<Outcome> {
    const before = snapshot();
    const logs: Log[] = [];
    let gas = 0n;
    const declared = interfaceAt(module.address) as AnyInterface;
    const charge = (amount: bigint): void => {
      if (amount < 0n) throw new Error('gas is never given back');
      gas += amount;
      if (gas > (options.gas ?? params.block.gasLimit)) throw new OutOfGas(`after ${gas} gas`);
    };
    try {
      const current = context(options, logs, charge);
      if (current.value > 0n) current.transfer(options.from, module.address, current.value);
      const data = await module.run(current, calldata);
      const item = declared.functionOf(calldata);
      const decode = (declared as unknown as { decodeResult(name: string, data: Uint8Array): unknown[] })
        .decodeResult;
      return {
        ok: true,
        values: decode(item?.name ?? '', data),
        gas,
        logs,
        events: logs.map((log) => {
          const event = interfaceAt(log.address)?.decodeEvent(log);
          if (event === undefined) throw new Error('a log that no interface knows');
          return { name: event.name, named: event.named };
        }),
      };
    } catch (error) {
      state = before;
      if (!(error instanceof ModuleRevert)) throw error;
      const decoded = declared.decodeError(error.data);
      if (decoded === undefined) throw new Error(`undeclared error: ${error.message}`);
      return { ok: false, error: decoded.name, args: decoded.args, gas };
    }
  }

  type Modules = typeof interfaces;
  /** Calls `module.name(args)`. */
  function call<M extends keyof Modules>(
    module: M,
    name: keyof Modules[M]['spec']['functions'] & string,
    args: readonly unknown[],
    options: CallOptions,
  ): Promise<Outcome> {
    const encode = interfaces[module].encodeCall as (name: string, args: readonly unknown[]) => Uint8Array;
    return callRaw(moduleNamed(module), encode(name, args), options);
  }

  /** The values of a call that must succeed. */
  async function must<M extends keyof Modules>(
    module: M,
    name: keyof Modules[M]['spec']['functions'] & string,
    args: readonly unknown[],
    options: CallOptions,
  ): Promise<Extract<Outcome, { ok: true }>> {
    const outcome = await call(module, name, args, options);
    if (!outcome.ok) throw new Error(`${module}.${name} failed: ${outcome.error}(${outcome.args})`);
    return outcome;
  }

  /** What the protocol itself does; its logs go to `logs`. */
  const system = (logs: Log[] = []): ModuleContext => context({ from: person(0) }, logs, () => {});

  return {
    params,
    block,
    view,
    portCalls,
    call,
    callRaw,
    must,
    system,
    /** Number and content of all slots: equal before and after a call that must touch nothing. */
    digest: () =>
      JSON.stringify([
        [...state.slots]
          .filter(([, value]) => value.some((byte) => byte !== 0))
          .map(([k, v]) => [k, toHex(v)]),
        [...state.balances].map(([k, v]) => [k, `${v}`]),
      ]),
    give(address: Hex, amount: bigint) {
      state.balances.set(address, (state.balances.get(address) ?? 0n) + amount);
    },
    balance: (address: Hex) => state.balances.get(address) ?? 0n,
    supply: () => [...state.balances.values()].reduce((a, b) => a + b, 0n),
    setInference(engine: typeof infer) {
      infer = engine;
    },
    setAttribution(engine: typeof attribute) {
      attribute = engine;
    },
    /** Makes the bytes of an artifact known to this node. */
    addArtifact(records: readonly (string | Uint8Array)[]): ArtifactInfo {
      const leaves = records.map((record) => (typeof record === 'string' ? Buffer.from(record) : record));
      const leafHashes = leaves.map((leaf) => new Uint8Array(createHash('sha256').update(leaf).digest()));
      const info: ArtifactInfo = {
        root: keccakHex(Buffer.concat(leafHashes)),
        size: leaves.reduce((sum, leaf) => sum + leaf.length, 0),
        leafCount: leaves.length,
        largestLeaf: Math.max(0, ...leaves.map((leaf) => leaf.length)),
        smallestLeaf: leaves.length === 0 ? 0 : Math.min(...leaves.map((leaf) => leaf.length)),
        utf8: leaves.every((leaf) => Buffer.from(Buffer.from(leaf).toString()).equals(leaf)),
        leafHashes,
      };
      artifacts.set(info.root, info);
      texts.set(info.root, leaves);
      return info;
    },
    leavesOf: (root: Hex): Uint8Array[] => texts.get(root) ?? [],
    forgetArtifact: (root: Hex) => artifacts.delete(root),
    async endBlock() {
      await hooks.endBlock(system());
      block.number++;
    },
    async found(genesis: Pick<Genesis, 'validators'>) {
      block.number = 0;
      for (const { address, balance } of hooks.genesisBalances(genesis as Genesis))
        state.balances.set(address, (state.balances.get(address) ?? 0n) + balance);
      await hooks.genesis(system(), genesis as Genesis);
      block.number = 1;
    },
  };
}
export type World = ReturnType<typeof createWorld>;

export function moduleNamed(name: string): ModuleDefinition {
  const found = modules.find((module) => module.name === name);
  if (found === undefined) throw new Error(`no module ${name}`);
  return found;
}

export const salt = (n: number): Hex => toHex(fromHex(`0x${n.toString(16).padStart(64, '0')}`));
