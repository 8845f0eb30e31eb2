/**
 * Snapshots over the node's own stream protocol. A request is kind u8 | height u48 | index u32; kinds: 0 what is
 * offered (answer: (height u48 | keccak of the manifest) each), 1 a manifest, 2 a chunk, both in pieces.
 */
import { keccak256 } from '../../state/crypto.ts';
import { SNAPSHOT_LIMITS } from '../../state/snapshot/format.ts';
import { RequestError } from '../network/errors.ts';
import type { Network, PeerId, ProtocolSpec } from '../network/types.ts';
import type { SnapshotFiles } from './files.ts';
import { LIMITS } from './limits.ts';

const KIND = { offers: 0, manifest: 1, chunk: 2 } as const;
const REQUEST_BYTES = 11;
const OFFER_BYTES = 38;

export const SNAPSHOT_PROTOCOL: ProtocolSpec = {
  name: 'snapshot',
  version: 1,
  maxRequestBytes: REQUEST_BYTES,
  maxFrameBytes: LIMITS.frameBytes,
  maxResponseBytes: SNAPSHOT_LIMITS.maxManifestBytes,
  maxConcurrent: 8,
  maxConcurrentPerPeer: LIMITS.chunksInFlight + 1,
  // A chunk is half a megabyte: at most 10 MB a second to one peer.
  requestsPerSecond: 20,
  burst: 60,
  maxBytesInFlight: 16 << 20,
  idleTimeoutMs: 10_000,
  totalTimeoutMs: 60_000,
};

export interface Offer {
  readonly height: number;
  /** keccak of the manifest, hex: peers with the same one have the same chunks. */
  readonly manifestHash: string;
}

export function serveSnapshots(network: Network, files: SnapshotFiles): void {
  /** By height: a manifest may hold a block of a megabyte, and hashing it takes this thread 4 ms, for 11 bytes of a question. */
  let offers = new Map<number, readonly Uint8Array[]>();
  const offered = (): Uint8Array => {
    const heights = files.list().slice(0, LIMITS.maxOffers);
    offers = new Map(heights.map((one) => [one, offers.get(one) ?? offerBytes(files, one)]));
    return Buffer.concat([...offers.values()].flat());
  };
  network.handleStream(SNAPSHOT_PROTOCOL, async function* ({ payload }) {
    if (payload.byteLength !== REQUEST_BYTES) throw new RequestError('REFUSED', 'a request has 11 bytes');
    const request = Buffer.from(payload);
    const height = request.readUIntBE(1, 6);
    switch (request[0]) {
      case KIND.offers:
        yield offered();
        return;
      case KIND.manifest:
        yield* pieces(files.manifest(height));
        return;
      case KIND.chunk:
        yield* pieces(files.chunk(height, request.readUInt32BE(7)));
        return;
      default:
        throw new RequestError('REFUSED', 'a request of unknown kind');
    }
  });
}

function offerBytes(files: SnapshotFiles, height: number): Uint8Array[] {
  const manifest = files.manifest(height);
  if (manifest === undefined) return [];
  const head = Buffer.alloc(6);
  head.writeUIntBE(height, 0, 6);
  return [head, keccak256(manifest)];
}

function* pieces(bytes: Uint8Array | undefined): Generator<Uint8Array> {
  if (bytes === undefined) throw new RequestError('NOT_FOUND', 'no such snapshot');
  for (let at = 0; at < bytes.length; at += LIMITS.frameBytes)
    yield bytes.subarray(at, at + LIMITS.frameBytes);
}

/** What a peer offers; empty when it does not answer. */
export async function askOffers(network: Network, peer: PeerId): Promise<Offer[]> {
  const most = OFFER_BYTES * LIMITS.maxOffers;
  const bytes = await ask(network, peer, KIND.offers, 0, 0, most).catch(() => new Uint8Array(0));
  if (bytes.length % OFFER_BYTES !== 0) {
    network.penalise(peer, 'BAD_ANSWER');
    return [];
  }
  const buffer = Buffer.from(bytes);
  return Array.from({ length: bytes.length / OFFER_BYTES }, (_, i) => ({
    height: buffer.readUIntBE(i * OFFER_BYTES, 6),
    manifestHash: buffer.subarray(i * OFFER_BYTES + 6, (i + 1) * OFFER_BYTES).toString('hex'),
  }));
}

/** @throws RequestError */
export const askManifest = (network: Network, peer: PeerId, height: number): Promise<Uint8Array> =>
  ask(network, peer, KIND.manifest, height, 0, SNAPSHOT_LIMITS.maxManifestBytes);

/** @throws RequestError */
export const askChunk = (
  network: Network,
  peer: PeerId,
  height: number,
  index: number,
): Promise<Uint8Array> => ask(network, peer, KIND.chunk, height, index, SNAPSHOT_LIMITS.maxChunkBytes);

/** @param most bytes of the answer: the protocol's own bound is that of its largest kind */
async function ask(
  network: Network,
  peer: PeerId,
  kind: number,
  height: number,
  index: number,
  most: number,
): Promise<Uint8Array> {
  const request = Buffer.alloc(REQUEST_BYTES);
  request[0] = kind;
  request.writeUIntBE(height, 1, 6);
  request.writeUInt32BE(index, 7);
  const frames: Uint8Array[] = [];
  let size = 0;
  for await (const frame of network.requestStream(peer, SNAPSHOT_PROTOCOL, request)) {
    size += frame.byteLength;
    if (size > most) {
      network.penalise(peer, 'BAD_ANSWER');
      throw new RequestError('BAD_FRAME', `more than ${most} bytes`);
    }
    frames.push(frame.slice());
  }
  return new Uint8Array(Buffer.concat(frames));
}
