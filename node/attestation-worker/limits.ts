/** Bounds of the attestation worker, each with its reason. */
export const LIMITS = {
  /** DataNets whose records are remembered between tasks: approvals come in runs, mostly for one or two of them. */
  books: 2,
  /** Old-space limit, MiB: what two DataNets of the largest size need stays below it, and a runaway ends here. */
  oldSpaceMb: 2_048,
  /** Missing artifacts that one answer names; the next one names the rest. */
  missingRoots: 256,
} as const;
