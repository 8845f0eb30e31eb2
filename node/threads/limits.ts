/** Bounds of the connections between threads, each with its reason. */
export const LIMITS = {
  /**
   * Calls waiting for an answer on one link. The busiest caller is the RPC, whose own limits admit a few hundred
   * requests at once; this leaves room for consensus beside them and bounds the memory of a thread that hangs.
   */
  callsInFlight: 2_048,
  /** A thread that has not ended this long after it was asked to is terminated: its files are closed by then. */
  stopMs: 8_000,
  /**
   * MiB in which a thread makes new objects. V8's own 48 are filled by every thread that is busy for a moment, and stay
   * filled until it has been idle for long; with 12 a collection of new objects comes more often and finds less.
   */
  youngMb: 12,
  /** How often a thread looks whether it is quiet, and the share of time in which it may work and still be. */
  quietCheckMs: 1_000,
  quietUtilization: 0.25,
  /** Checks after a storm until its last requests have ended: calls and traces may take 5 s. */
  settledChecks: 8,
  /**
   * Growth of a heap since the last collection, or free space in it, that is worth a collection: some 20 ms in which
   * nobody is answered. Above the space for new objects, which counts as free.
   */
  quietGrowthBytes: 12 << 20,
  /** Collections for the sake of free space that gave less than this back, after which no more are tried. */
  vainCollections: 2,
  worthBytes: 1 << 20,
  /** The same of a thread that is not quiet: under attack memory is worth more than those 20 ms in a second. */
  stormGrowthBytes: 16 << 20,
} as const;
