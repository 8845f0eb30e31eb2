/** Bounds of making, serving and fetching snapshots, each with its reason. */
export const LIMITS = {
  /** Snapshots that a peer may offer at once: more than anybody keeps. */
  maxOffers: 16,
  /** A piece of a manifest or a chunk in one frame. */
  frameBytes: 512 * 1024,
  /** Chunks fetched ahead of the one being checked, from different peers: enough to keep a link busy, 4 MiB at most. */
  chunksInFlight: 4,
  /** How long an empty node looks for peers with snapshots before it takes blocks instead, in milliseconds. */
  searchMs: 15_000,
  /** After the first offer, how much longer others may come. */
  gatherMs: 3_000,
  /** Between two looks at who is connected. */
  lookMs: 250,
  /** How often one chunk is asked for before its snapshot is given up. */
  triesPerChunk: 6,
} as const;
