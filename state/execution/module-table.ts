/** The modules that a chain runs, by transaction type and by address. */
import type { ModuleDefinition, ModuleHooks } from '../modules/context.ts';
import { hooks, modules } from '../modules/registry.ts';
import type { Hex } from '../types.ts';

export interface ModuleTable {
  readonly list: readonly ModuleDefinition[];
  readonly hooks: ModuleHooks;
  ofType(type: number): ModuleDefinition | undefined;
  at(address: Hex): ModuleDefinition | undefined;
  /** Accounts whose slots name bodies. */
  readonly recordAccounts: ReadonlySet<Hex>;
}

export function createModuleTable(list: readonly ModuleDefinition[], hooksOfAll: ModuleHooks): ModuleTable {
  const byType = new Map(list.map((module) => [module.type, module]));
  const byAddress = new Map(list.map((module) => [module.address, module]));
  return {
    list,
    hooks: hooksOfAll,
    ofType: (type) => byType.get(type),
    at: (address) => byAddress.get(address),
    recordAccounts: new Set(list.map((module) => module.recordAddress)),
  };
}

/** The modules of this node. */
export const moduleTable: ModuleTable = createModuleTable(modules, hooks);
