/** Every bound of the artifact store and its transfers, each with its reason. */
export const ARTIFACT_LIMITS = {
  /** Uploads and downloads in progress, bytes on disk. Fifty full contributions of 5 MiB. */
  maxTempBytes: 256 * 1024 * 1024,
  /** Uploads and downloads in progress, files. */
  maxWriters: 128,
  /** Leaves whose hashes are kept in memory, about 200 bytes each. */
  maxCachedLeaves: 65_536,
  /** Artifacts whose facts are kept in memory. */
  maxCachedArtifacts: 1_024,
  /** A file is read whole when it is verified. Far above any genesis limit; protects against a planted file. */
  maxFileBytes: 1024 * 1024 * 1024,
  /** Artifacts wanted at a time: more than the reveals of many full blocks. */
  maxWanted: 4_096,
  /** Downloads at a time. Each holds one batch in memory and one file open. */
  maxDownloads: 4,
  /** Begun downloads that wait for a peer to come back; others begin again. Well below maxWriters. */
  maxRestingDownloads: 32,
  /** Leaves are sent in frames of about this size (one larger leaf is a frame by itself). */
  frameBytes: 64 * 1024,
  /** Leaves of one request. A download resumes after the last complete leaf, so this is what a loss can cost. */
  batchBytes: 1024 * 1024,
  /** Waits between two rounds through all peers. Short at first: the uploader usually announces just now. */
  retryMinMs: 200,
  retryMaxMs: 5_000,
  /** A peer slower than this is left for another one, if there is another one that has the artifact. */
  slowBytesPerSecond: 32 * 1024,
  /** Not judged before this long: the first bytes wait for the peer's disk. */
  slowAfterMs: 3_000,
} as const;

/** The same bounds with other values, for tests. */
export type ArtifactBounds = { readonly [Name in keyof typeof ARTIFACT_LIMITS]: number };
