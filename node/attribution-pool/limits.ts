/** Bounds of the attribution pool; sizes in bytes, times in milliseconds. */
export const LIMITS = {
  /** Indexes in memory over all workers. One of a million tokens takes about 7 MB; those that grow share segments. */
  snapshots: 16,
  /**
   * Tokens of all indexes in memory, beyond which those that nobody uses are dropped: about 7 bytes each, so 0.5 GB, and
   * some 30 while a segment is sorted. The largest that a model can pin fits alone.
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
  /**
   * Segments that one query looks into. A DataNet has at most four up to 48 MiB; of a model that pins more DataNets the
   * smallest are sorted together.
   */
  segmentsPerSnapshot: 8,
  /** Bytes of segment files, beyond which those used longest ago are removed: indexes of some 600 million tokens. */
  segmentFileBytes: 4 * 1024 * 1024 * 1024,
  /**
   * Bytes of the vectors of all snapshots in memory: one shard of the largest that a model can pin by default has
   * 64 MiB, and needs as much again while it is made.
   */
  vectorBytes: 256 * 1024 * 1024,
  /**
   * Bytes of text that are encoded before the thread looks for other work: at most about a microsecond each, and a
   * single record of 1 MiB takes 80 ms.
   */
  encodedSliceBytes: 64 * 1024,
  /** Bytes of files of vectors, beyond which those used longest ago are removed: some 2 million records. */
  vectorFileBytes: 2 * 1024 * 1024 * 1024,
  /** Text of artifacts kept in memory by each index while texts are continued, bytes. */
  recentLeafBytes: 32 * 1024 * 1024,
  /** The artifacts of one index hold at most this much. */
  snapshotBytes: 512 * 1024 * 1024,
  /** A job that takes longer means a broken worker (the slowest legitimate one takes under a second). */
  jobMs: 60_000,
  /** Reading and indexing a snapshot of the largest size. */
  snapshotMs: 600_000,
} as const;
