export const LIMITS = {
  /** Requests waiting to be answered. More than that are found again by the next scan of the chain. */
  maxQueued: 1_024,
  /** Indexes kept in memory: the pinned snapshots of the models that were asked last. About 20 bytes a token each. */
  maxIndexes: 2,
  /** Tries for one request before it is left to expire; between them the chain moves on. */
  maxTries: 5,
  /** An answer ends with its sentence once it has this many tokens; the asker's limit still cuts it. */
  minAnswerTokens: 60,
  /** Longest wait for the next head before the chain is scanned again. */
  scanMs: 5_000,
} as const;
