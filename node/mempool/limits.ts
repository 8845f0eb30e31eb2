/** Bounds of the transaction pool, each with its reason. The first block are go-ethereum's numbers: wallets and load tools are tuned to them. */
export const LIMITS = {
  /** Executable transactions that a sender keeps when the pool is crowded. */
  accountSlots: 16,
  /** Executable transactions of all senders. */
  globalSlots: 5_120,
  /** Transactions of one sender that wait for a lower nonce. */
  accountQueue: 64,
  /** Waiting transactions of all senders. */
  globalQueue: 1_024,
  /** A transaction of n bytes takes ceil(n / slotBytes) slots, so that 6,144 slots are at most 192 MiB. */
  slotBytes: 32 * 1024,
  /** Encoded size of one transaction. */
  maxTransactionBytes: 128 * 1024,
  /** A replacement must raise both fee fields by this much, per cent. */
  priceBumpPercent: 10n,
  /** Waiting or held transactions are forgotten after this: nobody is still looking for them. */
  lifetimeMs: 3 * 60 * 60 * 1000,

  /** Senders whose account is read again per block besides those that the block touched; see `onHead`. */
  sweepPerBlock: 64,
  /** Evicted in one go when the pool is full, so that the search for the cheapest is paid once per so many. */
  evictionBatch: 64,
  /** Longest pause in blocks of a transaction that fits nowhere, doubled each time that it was passed over. */
  maxSleepBlocks: 64,

  /** A gossip frame: under the 1 MiB at which the network refuses, and about 1,700 transfers. */
  batchBytes: 256 * 1024,
  /** Transactions in a gossip frame; a frame of smallest transactions (about 100 bytes) stays under batchBytes. */
  batchTransactions: 2_600,
  /** A journal grows to twice its live content and at least this before it is rewritten. */
  journalSlackBytes: 1024 * 1024,
  /** Our own transactions that the chain has not taken are sent again after this long, to peers that missed them. */
  rebroadcastAfterMs: 2_000,
  /** Transactions sent again in one go: two frames. */
  rebroadcastTransactions: 1_024,
} as const;
