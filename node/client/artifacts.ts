/** Bytes of contributions over a node's HTTP door. Framing both ways: u32 big-endian length, then the leaf. */
import type { Hex } from '../../state/types.ts';
import { UserError } from '../config/errors.ts';

/** Largest download that a client takes: the chain's own limit of a contribution is 5 MiB by default. */
const MAX_DOWNLOAD_BYTES = 64 * 1024 * 1024;

export interface Upload {
  readonly root: Hex;
  readonly dataNetId: bigint;
  readonly sender: Hex;
  readonly salt: Hex;
  readonly size: number;
  readonly leaves: readonly Uint8Array[];
}

/** @throws UserError UPLOAD_REFUSED with the node's words. */
export async function uploadArtifact(rpcUrl: string, upload: Upload, signal?: AbortSignal): Promise<void> {
  const url = new URL('/artifacts', rpcUrl);
  url.search = new URLSearchParams({
    datanet: upload.dataNetId.toString(),
    sender: upload.sender,
    salt: upload.salt,
    size: String(upload.size),
    root: upload.root,
  }).toString();
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: frames(upload.leaves),
    ...(signal && { signal }),
  });
  if (response.ok) {
    await response.arrayBuffer();
    return;
  }
  throw new UserError('UPLOAD_REFUSED', `the node refuses the upload: ${await refusal(response)}`);
}

/** Leaves of an artifact that the node holds. @throws UserError ARTIFACT_UNAVAILABLE */
export async function downloadArtifact(
  rpcUrl: string,
  root: Hex,
  signal?: AbortSignal,
): Promise<Uint8Array[]> {
  const response = await fetch(new URL(`/artifacts/${root}`, rpcUrl), signal ? { signal } : {});
  if (!response.ok)
    throw new UserError('ARTIFACT_UNAVAILABLE', `artifact ${root}: ${await refusal(response)}`);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_DOWNLOAD_BYTES)
      throw new UserError(
        'ARTIFACT_UNAVAILABLE',
        `artifact ${root} is larger than ${MAX_DOWNLOAD_BYTES} bytes`,
      );
    chunks.push(chunk);
  }
  return unframe(Buffer.concat(chunks), root);
}

function frames(leaves: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const total = leaves.reduce((sum, leaf) => sum + 4 + leaf.length, 0);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const leaf of leaves) {
    view.setUint32(at, leaf.length);
    bytes.set(leaf, at + 4);
    at += 4 + leaf.length;
  }
  return bytes;
}

function unframe(bytes: Uint8Array, root: Hex): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const leaves: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = at + 4 <= bytes.length ? at + 4 + view.getUint32(at) : Number.POSITIVE_INFINITY;
    if (end > bytes.length)
      throw new UserError('ARTIFACT_UNAVAILABLE', `artifact ${root}: the download was cut short`);
    leaves.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return leaves;
}

async function refusal(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text) as { error?: { code?: string; message?: string } | string };
    if (typeof error === 'string') return error;
    if (error?.message) return error.message;
  } catch {
    // Not JSON: shown as it is.
  }
  return `${response.status} ${text.slice(0, 200)}`;
}
