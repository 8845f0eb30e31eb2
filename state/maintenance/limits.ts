/** Bounds of what looks after a database, each with its reason. */
export const LIMITS = {
  /** Problems that a verification names before it stops: a damaged file gives thousands of the same kind. */
  maxProblems: 20,
  /** Headers behind the head whose links are checked at every start: a few milliseconds. */
  checkedAtStart: 16,
  /** Entries of one batch of a reindexing, after which it can be interrupted: some megabytes. */
  reindexBatch: 50_000,
  /** Characters of one piece of an export: enough for few system calls, little enough to hold. */
  exportPieceChars: 1 << 16,
} as const;
