/** Bounds of the RPC thread, each with its reason. */
export const LIMITS = {
  /**
   * Old space in MiB. What clients make it hold is bounded by `maxHeldBytes` of the RPC, so that it never needs this;
   * it is there because the smaller the limit, the smaller the factor by which V8 lets a heap grow before it collects.
   */
  maxOldSpaceMb: 1_024,
} as const;
