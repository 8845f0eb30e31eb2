/** Bounds of the RPC thread, each with its reason. */
export const LIMITS = {
  /**
   * Old space in MiB. What clients make it hold is bounded by `maxHeldBytes` of the RPC, so that it never needs this;
   * it is there because V8 lets a heap with a small limit grow by a third before it collects, and one without fourfold.
   */
  maxOldSpaceMb: 1_024,
} as const;
