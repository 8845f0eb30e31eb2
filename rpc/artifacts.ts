/**
 * Bytes of contributions over HTTP. An upload is a stream of leaves, each as its length (u32, big-endian) and its
 * bytes; a download has the same framing. Uploads are taken only for a commitment that is final (D2), so that nobody
 * can fill the disk without having paid a deposit, and nobody who saw the bytes can overtake their author.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ChainReader, Hex } from '../state/types.ts';
import type { ArtifactDeclaration, RpcBackend } from './backend.ts';
import { findCommitment } from './commitments.ts';
import type { RpcLimits } from './limits.ts';
import { drain, json } from './server.ts';

export interface ArtifactRoutes {
  serve(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

/** A refused upload or download: HTTP status, code, and what to do. */
export class ArtifactProblem extends Error {
  override name = 'ArtifactProblem';
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Status of the store's own refusals; others are faults of this node. */
const STORE_CODES: Readonly<Record<string, number>> = {
  ARTIFACT_TOO_LARGE: 413,
  LEAF_TOO_LARGE: 413,
  TOO_MANY_LEAVES: 413,
  ARTIFACT_EMPTY: 422,
  LEAF_EMPTY: 422,
  INVALID_UTF8: 422,
  ROOT_MISMATCH: 422,
  TEMP_SPACE_FULL: 507,
  CLOSED: 503,
  BUSY: 503,
};

export function createArtifactRoutes(
  reader: ChainReader,
  backend: RpcBackend,
  limits: RpcLimits,
  report: (error: unknown) => void,
): ArtifactRoutes {
  let transfers = 0;

  async function upload(query: URLSearchParams, request: IncomingMessage, response: ServerResponse) {
    const { declaration, salt } = readDeclaration(query);
    const { maxBytes, maxRecords, maxRecordBytes } = reader.params.contribution;
    if (declaration.size > maxBytes)
      throw new ArtifactProblem(
        413,
        'ARTIFACT_TOO_LARGE',
        `the artifact has ${declaration.size} bytes, a contribution may have ${maxBytes}`,
      );
    if (declaration.size === 0) throw new ArtifactProblem(422, 'ARTIFACT_EMPTY', 'the artifact has no bytes');
    const commitment = findCommitment(reader, declaration, salt);
    if (commitment === undefined)
      throw new ArtifactProblem(
        409,
        'NO_COMMITMENT',
        'no final, unrevealed commitment matches sender, datanet, root, size and salt; ' +
          'send the commit first and upload when it is in a block',
      );
    const leaves = readFrames(request, {
      maxLeafBytes: maxRecordBytes,
      maxLeaves: maxRecords,
      size: declaration.size,
    });
    const info = await backend.storeArtifact(declaration, leaves);
    json(response, 200, {
      root: info.root,
      size: info.size,
      leafCount: info.leafCount,
      commitment: commitment.hash,
      contributionId: commitment.contributionId,
      revealBy: commitment.revealBy,
    });
  }

  async function download(root: string, request: IncomingMessage, response: ServerResponse) {
    if (!/^0x[0-9a-f]{64}$/.test(root))
      throw new ArtifactProblem(400, 'BAD_ROOT', 'expected /artifacts/0x followed by 64 hex digits');
    const leaves = await backend.artifactLeaves(root as Hex);
    if (leaves === undefined)
      throw new ArtifactProblem(404, 'NOT_HERE', 'this node does not hold these bytes (yet)');
    response.statusCode = 200;
    response.setHeader('Content-Type', 'application/octet-stream');
    // The root names the content: it can be cached for ever.
    response.setHeader('Cache-Control', 'public, max-age=31536000, immutable');
    response.setHeader('Content-Security-Policy', "sandbox; default-src 'none'");
    if (request.method === 'HEAD') return void response.end();
    for await (const leaf of leaves) {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(leaf.length);
      response.write(length);
      if (!response.write(leaf)) await drained(response);
      if (response.destroyed) return;
    }
    response.end();
  }

  return {
    async serve(request, response) {
      const url = new URL(request.url ?? '/', 'http://node.invalid');
      try {
        if (transfers >= limits.maxTransfers)
          throw new ArtifactProblem(
            503,
            'BUSY',
            `too many transfers at once (limit ${limits.maxTransfers}); try again later`,
          );
        transfers += 1;
        try {
          if (request.method === 'POST' && url.pathname === '/artifacts')
            await upload(url.searchParams, request, response);
          else if (request.method === 'GET' || request.method === 'HEAD')
            await download(url.pathname.slice('/artifacts/'.length).toLowerCase(), request, response);
          else
            throw new ArtifactProblem(
              405,
              'METHOD_NOT_ALLOWED',
              'use POST /artifacts or GET /artifacts/<root>',
            );
        } finally {
          transfers -= 1;
        }
      } catch (error) {
        if (response.headersSent) return void response.destroy();
        const problem = asProblem(error, report);
        await drain(request, limits.maxDrainBytes);
        if (!request.complete) response.setHeader('Connection', 'close');
        json(response, problem.status, { error: { code: problem.code, message: problem.message } });
      }
    },
  };
}

function asProblem(error: unknown, report: (error: unknown) => void): ArtifactProblem {
  if (error instanceof ArtifactProblem) return error;
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    const status = STORE_CODES[error.code];
    if (status !== undefined) return new ArtifactProblem(status, error.code, error.message);
  }
  report(error);
  return new ArtifactProblem(500, 'INTERNAL', 'this node could not store the artifact; its log says why');
}

function readDeclaration(query: URLSearchParams): { declaration: ArtifactDeclaration; salt: Hex } {
  const need = (name: string, pattern: RegExp, what: string): string => {
    const value = query.get(name) ?? '';
    if (!pattern.test(value))
      throw new ArtifactProblem(400, 'BAD_PARAMETER', `query parameter '${name}': expected ${what}`);
    return value.toLowerCase();
  };
  const hash32 = /^0x[0-9a-fA-F]{64}$/;
  return {
    declaration: {
      root: need('root', hash32, '0x and 64 hex digits') as Hex,
      sender: need('sender', /^0x[0-9a-fA-F]{40}$/, 'an address') as Hex,
      size: Number(need('size', /^(0|[1-9][0-9]{0,14})$/, 'a number of bytes')),
      dataNetId: Number(need('datanet', /^(0|[1-9][0-9]{0,14})$/, 'a DataNet id')),
    },
    salt: need('salt', hash32, '0x and 64 hex digits') as Hex,
  };
}

export interface FrameLimits {
  readonly maxLeafBytes: number;
  readonly maxLeaves: number;
  /** Sum of all leaves, as declared. */
  readonly size: number;
}

/**
 * Leaves out of a stream of (u32be length, bytes). Holds one leaf at a time.
 * @throws ArtifactProblem for a frame over a limit, a truncated frame, or another sum than declared.
 */
export async function* readFrames(
  source: AsyncIterable<Uint8Array>,
  limits: FrameLimits,
): AsyncGenerator<Uint8Array> {
  const header = new Uint8Array(4);
  let headerFilled = 0;
  let leaf: Uint8Array | undefined;
  let filled = 0;
  let total = 0;
  let count = 0;
  for await (const chunk of keepOpen(source)) {
    let at = 0;
    while (at < chunk.length || (leaf !== undefined && filled === leaf.length)) {
      if (leaf === undefined) {
        const take = Math.min(4 - headerFilled, chunk.length - at);
        header.set(chunk.subarray(at, at + take), headerFilled);
        headerFilled += take;
        at += take;
        if (headerFilled < 4) break;
        const length = new DataView(header.buffer).getUint32(0);
        count += 1;
        total += length;
        if (length > limits.maxLeafBytes)
          throw new ArtifactProblem(
            413,
            'LEAF_TOO_LARGE',
            `record ${count - 1} has ${length} bytes, a record may have ${limits.maxLeafBytes}`,
          );
        if (count > limits.maxLeaves)
          throw new ArtifactProblem(413, 'TOO_MANY_LEAVES', `more than ${limits.maxLeaves} records`);
        if (total > limits.size)
          throw new ArtifactProblem(
            422,
            'SIZE_MISMATCH',
            `more bytes than the ${limits.size} that were declared`,
          );
        leaf = new Uint8Array(length);
        filled = 0;
      }
      const take = Math.min(leaf.length - filled, chunk.length - at);
      leaf.set(chunk.subarray(at, at + take), filled);
      filled += take;
      at += take;
      if (filled < leaf.length) break;
      yield leaf;
      leaf = undefined;
      headerFilled = 0;
    }
  }
  if (leaf !== undefined || headerFilled > 0)
    throw new ArtifactProblem(400, 'TRUNCATED', 'the stream ends inside a record');
  if (total !== limits.size)
    throw new ArtifactProblem(422, 'SIZE_MISMATCH', `${total} bytes arrived, ${limits.size} were declared`);
}

/** Iterates a request without destroying it when the loop is left: its answer is still to be sent. */
function keepOpen(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const stream = source as Partial<IncomingMessage>;
  return typeof stream.iterator === 'function'
    ? (stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>)
    : source;
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.once('drain', done);
    response.once('close', done);
  });
}
