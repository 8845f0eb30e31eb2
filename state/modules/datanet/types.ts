import type { Hex } from '../../types.ts';

/** Life of a DataNet. A draft takes no contributions yet, a retired one takes none any more. */
export const DATANET_STATUS = { draft: 1, published: 2, retired: 3 } as const;
export type DataNetStatus = keyof typeof DATANET_STATUS;

/** Who may contribute. */
export const DATANET_POLICY = { open: 0, closed: 1 } as const;
export type DataNetPolicy = keyof typeof DATANET_POLICY;

export interface DataNet {
  /** From 1. */
  id: number;
  owner: Hex;
  status: DataNetStatus;
  policy: DataNetPolicy;
  /** Block of its creation. */
  createdAt: number;
  /** Approved contributions. */
  length: number;
  historyHash: Hex;
  name: string;
  summary: string;
  description: string;
  tags: readonly string[];
  payoutNote: string;
}
