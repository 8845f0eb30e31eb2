/**
 * An artifact is an ordered list of leaves; its id is the RFC 6962 SHA-256 Merkle tree hash of the list.
 * For a contribution a leaf is a record; for a file it is a chunk.
 */
import type { ArtifactInfo, Hex } from '../../state/types.ts';
import type { Cancel } from '../validator/ports.ts';

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
  readonly dataDir: string;
  /** The file exists (not verified). */
  has(root: Hex): boolean;
  /** Its facts are in memory: leafHashes and describe cost nothing. */
  isKnown(root: Hex): boolean;
  /** Facts about the bytes, verified against the root on first use, then cached. @throws ArtifactError NOT_FOUND, DAMAGED */
  describe(root: Hex): ArtifactInfo;
  /** All leaves, verified. @throws ArtifactError NOT_FOUND, DAMAGED */
  read(root: Hex): Uint8Array[];
  /** Leaves from index `from` on, one at a time, each verified. @throws ArtifactError NOT_FOUND, DAMAGED */
  stream(root: Hex, from?: number): AsyncGenerator<Uint8Array, void, undefined>;
  /** Merkle leaf hashes (0x00-prefixed), in order. @throws ArtifactError NOT_FOUND, DAMAGED */
  leafHashes(root: Hex): readonly Uint8Array[];
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
  /** Leaf by leaf, for downloads that resume. Uses temp space until finished or discarded. @throws ArtifactError TEMP_SPACE_FULL, CLOSED */
  begin(limits: ArtifactLimits): Promise<ArtifactWriter>;
  delete(root: Hex): void;
  /** Reads the file again. False if it is not here, or was damaged (then it has been deleted, and is fetched again). */
  verify(root: Hex): boolean;
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
  /** @throws ArtifactError ROOT_MISMATCH, ARTIFACT_EMPTY; the writer is discarded then. */
  finish(expectedRoot?: Hex): Promise<Hex>;
  /** Gives the temp space back. Does nothing after finish(). */
  discard(): Promise<void>;
}

/** Gets artifacts from peers and serves them to others. */
export interface ArtifactFetcher {
  /**
   * Keeps trying until the artifact is in the store, nobody wants it any more, or it turned out to break the limits
   * (which no peer can mend). Asking twice counts once.
   * @throws ArtifactError BAD_ROOT, TOO_MANY_WANTED
   */
  want(root: Hex): void;
  unwant(root: Hex): void;
  /** Like want, and resolves with the facts once they are here. The signal only ends the waiting. @throws ArtifactError */
  get(root: Hex, signal?: AbortSignal): Promise<ArtifactInfo>;
  /** What is being sought, with the number of rounds through all peers so far. */
  wanted(): readonly { readonly root: Hex; readonly rounds: number; readonly leaves: number }[];
  stop(): Promise<void>;
}
