import type { Hex } from '../../genesis/types.ts';

/** What a client test needs to know of a running network. */
export interface ClientTarget {
  rpcUrl: string;
  wsUrl: string;
  chainId: number;
  /** A funded account that nobody else uses meanwhile. */
  privateKey: Hex;
}

/** What the client saw; the caller checks it. */
export interface ClientReport {
  /** Transaction type to receipt status, each 'success'. */
  types: Record<number, string>;
  contract: Hex;
  /** Total told by the contract's event. */
  eventTotal: bigint;
  /** Name and first argument of the decoded custom error of a native module. */
  moduleError: { name: string; argument: string };
  /** Name of the DataNet created through the module's Solidity interface, read back through it. */
  dataNetName: string;
  /** Heights announced over WebSocket, in order. */
  heads: number[];
}
