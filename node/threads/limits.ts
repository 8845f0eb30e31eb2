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
  quietCheckMs: 2_000,
  quietUtilization: 0.25,
  /** Growth of a heap since the last look that is worth a collection: some 50 ms in which nobody is answered. */
  quietGrowthBytes: 16 << 20,
  /** The same of a thread that is not quiet: under attack memory is worth more than those 50 ms in two seconds. */
  stormGrowthBytes: 48 << 20,
} as const;
