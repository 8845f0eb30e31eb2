/** The bytes behind a contribution: their root, their commitment (D2), and their way to and from a node. */
import { concat, toHex } from '../../state/crypto.ts';
import type { Hex } from '../../state/types.ts';
import { merkleRoot } from '../artifacts/merkle.ts';
import { UserError } from '../config/errors.ts';

export interface ArtifactDescription {
  readonly root: Hex;
  /** Sum of the leaves in bytes. */
  readonly size: number;
  readonly recordCount: number;
}

/** Longest wait for the upload of 5 MiB: 85 KB/s. */
const TRANSFER_TIMEOUT_MS = 60_000;
/** A download that is larger is not a contribution: 1 GiB is the largest that a genesis file may allow. */
const MAX_DOWNLOAD_BYTES = 1024 * 1024 * 1024;

export function describeArtifact(leaves: readonly Uint8Array[]): ArtifactDescription {
  return {
    root: toHex(merkleRoot(leaves)),
    size: leaves.reduce((sum, leaf) => sum + leaf.length, 0),
    recordCount: leaves.length,
  };
}

export interface UploadInput {
  readonly leaves: readonly Uint8Array[];
  readonly dataNetId: bigint;
  readonly sender: Hex;
  /** 32 bytes: the secret half of the commitment. */
  readonly salt: Hex;
}

/** Sends the leaves to a node that has seen the commit. @throws UserError UPLOAD_REFUSED | NODE_UNREACHABLE */
export async function uploadArtifact(rpcUrl: string, input: UploadInput, signal: AbortSignal): Promise<void> {
  const { root, size } = describeArtifact(input.leaves);
  const url = new URL('/artifacts', rpcUrl);
  url.search = new URLSearchParams({
    datanet: input.dataNetId.toString(),
    sender: input.sender,
    salt: input.salt,
    size: String(size),
    root,
  }).toString();
  const response = await exchange(url, signal, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: concat(...input.leaves.flatMap((leaf) => [lengthOf(leaf), leaf])) as NonNullable<
      RequestInit['body']
    >,
  });
  if (response.ok) return;
  throw new UserError('UPLOAD_REFUSED', `the node refuses the upload: ${await problemOf(response)}`);
}

/**
 * The leaves behind `root`, checked against it.
 * @throws UserError ARTIFACT_NOT_HERE | ARTIFACT_DAMAGED | NODE_UNREACHABLE
 */
export async function downloadArtifact(
  rpcUrl: string,
  root: Hex,
  signal: AbortSignal,
): Promise<Uint8Array[]> {
  const response = await exchange(new URL(`/artifacts/${root}`, rpcUrl), signal, {});
  if (!response.ok)
    throw new UserError(
      'ARTIFACT_NOT_HERE',
      `the node does not give artifact ${root}: ${await problemOf(response)}`,
    );
  const bytes = new Uint8Array(await response.arrayBuffer());
  const leaves = unframe(bytes);
  if (leaves === undefined || toHex(merkleRoot(leaves)) !== root)
    throw new UserError('ARTIFACT_DAMAGED', `the bytes that the node gives for artifact ${root} are others`);
  return leaves;
}

function lengthOf(leaf: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, leaf.length);
  return bytes;
}

function unframe(bytes: Uint8Array): Uint8Array[] | undefined {
  if (bytes.length > MAX_DOWNLOAD_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const leaves: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + 4 > bytes.length) return undefined;
    const length = view.getUint32(at);
    at += 4;
    if (at + length > bytes.length) return undefined;
    leaves.push(bytes.subarray(at, at + length));
    at += length;
  }
  return leaves;
}

async function exchange(url: URL, signal: AbortSignal, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, {
      ...init,
      signal: AbortSignal.any([signal, AbortSignal.timeout(TRANSFER_TIMEOUT_MS)]),
    });
  } catch (error) {
    if (signal.aborted) throw new UserError('INTERRUPTED', 'interrupted');
    throw new UserError('NODE_UNREACHABLE', `no node answers at ${url.origin}: ${(error as Error).message}`);
  }
}

async function problemOf(response: Response): Promise<string> {
  const text = await response.text().catch(() => '');
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string } };
    return `${error.message} (${error.code})`;
  } catch {
    return `HTTP ${response.status}`;
  }
}
