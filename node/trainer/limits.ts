/** Bounds of trained models on this node; sizes in bytes, times in milliseconds. */
export const LIMITS = {
  /** Files of trained models, beyond which those used longest ago are removed: sixty of the largest. */
  fileBytes: 8 * 1024 * 1024 * 1024,
  /** Files at most, so that looking through the folder stays cheap. */
  files: 1024,
  /** Models in memory that answer, by the size of their files. One is in memory whatever its size. */
  memoryBytes: 1024 * 1024 * 1024,
  models: 64,
  /** Old-space limit of each thread, MiB: texts and features of the largest training stay far below it. */
  oldSpaceMb: 2_048,
  /** Files of graphs in memory: as many as one thread of the runtime keeps loaded. */
  openGraphs: 4,
  /** Missing artifacts that one answer names; the next one names the rest. */
  missingRoots: 256,
  /** An answer that takes longer means a broken thread: reading the largest model takes seconds, answering less. */
  answerMs: 60_000,
  /** Answers kept for those who ask again (trial, proposal, check): some 2 kB each. */
  cachedAnswers: 1_024,
} as const;
