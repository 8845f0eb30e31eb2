/** Bounds of making, serving and fetching snapshots, each with its reason. */
export const LIMITS = {
  /** Snapshots that a peer may offer at once: more than anybody keeps. */
  maxOffers: 16,
  /** A piece of a manifest or a chunk in one frame. */
  frameBytes: 512 * 1024,
  /** Chunks fetched ahead of the one being checked, from different peers: enough to keep a link busy; usually 2 MiB, at most 32. */
  chunksInFlight: 4,
  /** How long an empty node looks for peers with snapshots before it takes blocks instead, in milliseconds. */
  searchMs: 15_000,
  /** After the first offer, how much longer others may come. */
  gatherMs: 3_000,
  /** Between two looks at who is connected. */
  lookMs: 250,
  /** How often one chunk is asked for before its snapshot is given up. */
  triesPerChunk: 6,
  /**
   * Wait before the second try, in milliseconds; each further one waits so much longer. Who is busy, or has sent as many
   * chunks as its quota allows, is ready again in a second or two.
   */
  retryMs: 250,
  /**
   * Of what a peer grants in a second and at once, so much is asked: who insists beyond it is taken for a flood, and a
   * fast machine checks more chunks in a second than one peer may be asked for.
   */
  shareOfQuota: 0.75,
  /** Between two looks whether a peer may be asked again, in milliseconds. */
  paceMs: 50,
} as const;
