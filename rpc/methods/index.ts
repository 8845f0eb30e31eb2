/** All methods, by name. */
import type { RpcLimits } from '../limits.ts';
import type { Methods } from '../method.ts';
import { debugMethods } from './debug.ts';
import { ethMethods } from './eth.ts';
import { netMethods, rpcMethods, txpoolMethods, web3Methods } from './net.ts';
import { olMethods } from './ol.ts';
import { erigonMethods, otsMethods, traceMethods } from './ots.ts';

/** Namespaces of the methods that run apart. */
export const NAMESPACES_APART = ['eth', 'debug', 'trace', 'ots', 'ol'] as const;

/** Those of the namespaces that a server answers. */
export function chosenMethods(limits: RpcLimits, namespaces: readonly string[]): Methods {
  const all: Methods = {
    ...ethMethods(limits),
    ...netMethods,
    ...web3Methods,
    ...txpoolMethods,
    ...rpcMethods,
    ...debugMethods,
    ...otsMethods,
    ...erigonMethods,
    ...traceMethods,
    ...olMethods(limits),
  };
  return Object.fromEntries(
    Object.entries(all).filter(([name]) => namespaces.includes(name.slice(0, name.indexOf('_')))),
  );
}
