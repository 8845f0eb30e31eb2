/**
 * An artifact is an ordered list of leaves; its id is the RFC 6962 SHA-256 Merkle tree hash of the list.
 * For a contribution a leaf is a record; for a file it is a chunk.
 */
import type { ArtifactInfo, Hex } from '../../state/types.ts';
import type { Cancel, PeerId } from '../validator/ports.ts';

export type { ArtifactInfo, Hex } from '../../state/types.ts';
export type { Cancel } from '../validator/ports.ts';

/** What an upload or a download may contain. From genesis (`contribution` parameters). */
export interface ArtifactLimits {
  /** Sum of all leaves, bytes. */
  readonly maxBytes: number;
  readonly maxLeafBytes: number;
  readonly maxLeaves: number;
  /** Each leaf must be valid UTF-8. */
  readonly utf8: boolean;
}

export type ArtifactErrorCode =
  | 'ARTIFACT_TOO_LARGE'
  | 'LEAF_TOO_LARGE'
  | 'TOO_MANY_LEAVES'
  | 'ARTIFACT_EMPTY'
  | 'LEAF_EMPTY'
  | 'INVALID_UTF8'
  /** The leaves do not give the root that was promised. */
  | 'ROOT_MISMATCH'
  | 'NOT_FOUND'
  /** The file does not hash to its name. The store deletes it and it has to be fetched again. */
  | 'DAMAGED'
  /** Uploads and downloads in progress fill the space that they may use. Try later. */
  | 'TEMP_SPACE_FULL'
  /** Too many artifacts are wanted at once. */
  | 'TOO_MANY_WANTED'
  | 'BAD_ROOT'
  | 'CLOSED';

/** Files below `<data dir>/artifacts`. One writer (the process that holds the data directory), many readers. */
export interface ArtifactStore {
  readonly dir: string;
  /** The file exists (not verified). */
  has(root: Hex): boolean;
  /** Facts about the bytes, verified against the root on first use, then cached. @throws ArtifactError NOT_FOUND, DAMAGED */
  describe(root: Hex): ArtifactInfo;
  /** All leaves, verified. @throws ArtifactError NOT_FOUND, DAMAGED */
  read(root: Hex): Uint8Array[];
  /** One leaf, verified by its hash. @throws ArtifactError NOT_FOUND, DAMAGED */
  readLeaf(root: Hex, index: number): Promise<Uint8Array>;
  /** Merkle leaf hashes (0x00-prefixed), 32 bytes each, concatenated: what a downloader verifies against the root. */
  leafHashes(root: Hex): Uint8Array;
  /**
   * Stores leaves as they come, checking every limit on the way; nothing is kept if one is broken. Durable when
   * it resolves. With `expectedRoot` other content is refused. Storing what is there already is no error.
   * @throws ArtifactError
   */
  putStream(
    leaves: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    limits: ArtifactLimits,
    expectedRoot?: Hex,
  ): Promise<Hex>;
  /** Leaf by leaf, for downloads that resume. Uses temp space until finished or discarded. */
  begin(limits: ArtifactLimits): Promise<ArtifactWriter>;
  delete(root: Hex): void;
  /** After a new artifact is durable. */
  onArrival(listener: (root: Hex, info: ArtifactInfo) => void): Cancel;
  /** After a damaged file was found and deleted. */
  onDamage(listener: (root: Hex) => void): Cancel;
  close(): Promise<void>;
}

export interface ArtifactWriter {
  /** Leaves taken so far. */
  readonly leafCount: number;
  /** @throws ArtifactError; the writer must then be discarded. */
  append(leaf: Uint8Array): Promise<void>;
  /** @throws ArtifactError ROOT_MISMATCH, ARTIFACT_EMPTY */
  finish(expectedRoot?: Hex): Promise<Hex>;
  discard(): Promise<void>;
}

/** Gets artifacts from peers and serves them to others. */
export interface ArtifactFetcher {
  /**
   * Keeps trying until the artifact is in the store or nobody wants it. Asking twice counts once.
   * @throws ArtifactError BAD_ROOT, TOO_MANY_WANTED
   */
  want(root: Hex): void;
  unwant(root: Hex): void;
  /** Like want, and resolves with the facts once they are here. The signal only ends the waiting. */
  get(root: Hex, signal?: AbortSignal): Promise<ArtifactInfo>;
  wanted(): readonly { readonly root: Hex; readonly attempts: number; readonly peers: readonly PeerId[] }[];
  stop(): Promise<void>;
}
