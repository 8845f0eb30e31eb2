/** Bounds of the attribution pool; sizes in bytes, times in milliseconds. */
export const LIMITS = {
  /** Indexes in memory over all workers. One of a million tokens takes about 25 MB, its texts included. */
  snapshots: 16,
  /**
   * Tokens of all indexes in memory, beyond which those that nobody uses are dropped: about 25 bytes each, so 1.6 GB. The
   * largest that a model can pin fits alone; without this, sixteen of them would end the process.
   */
  indexedTokens: 64 * 1024 * 1024,
  /** Results kept for those who ask again (admission, then execution, then the explorer). At most some 200 kB each. */
  cachedResults: 256,
  /** Jobs that wait or run at once, over all workers; more is refused as `Busy`. */
  pendingJobs: 1024,
  /** Contributions in one message to a worker: keeps the sender's pause short. */
  contributionsPerMessage: 256,
  /** Bytes of inline leaves after which a message is sent. */
  bytesPerMessage: 4 * 1024 * 1024,
  /** Records of one index hold at most this much text. */
  snapshotBytes: 512 * 1024 * 1024,
  /** A job that takes longer means a broken worker (the slowest legitimate one takes under a second). */
  jobMs: 60_000,
  /** Reading and indexing a snapshot of the largest size. */
  snapshotMs: 600_000,
} as const;
