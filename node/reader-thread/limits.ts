/** Bounds of reader threads, each with its reason. */
export const LIMITS = {
  /**
   * Old space in MiB. The largest trace (200,000 steps, 64 MiB of stacks and memories) takes some 300; beyond, the
   * thread ends alone and not the node.
   */
  maxOldSpaceMb: 768,
  /** Nice value of threads that trace and scan, on Linux: consensus and wallets' calls get the processor first. */
  niceness: 10,
} as const;
