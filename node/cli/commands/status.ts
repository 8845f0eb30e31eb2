import { RpcError } from '../../client/rpc.ts';
import { UserError } from '../../config/errors.ts';
import { defineCommand, EXIT, NO_POSITIONALS } from '../command.ts';
import { NODE_FLAGS, openClient } from '../session.ts';

interface SyncState {
  readonly currentBlock: string;
  readonly highestBlock: string;
}
interface BlockHead {
  readonly number: string;
  readonly hash: string;
  readonly timestamp: string;
  readonly stateRoot: string;
}

export const command = defineCommand({
  name: 'status',
  summary: 'What a node is doing: version, chain, head, peers.',
  positionals: NO_POSITIONALS,
  flags: NODE_FLAGS,
  details: 'Exit code 0: at the head; 1: catching up, or its head is not news; 4: no node answers.',
  async run(invocation) {
    const { out, flags } = invocation;
    const { rpc } = openClient(invocation);
    const [version, chainId, block, peers, syncing] = await Promise.all([
      rpc.request<string>('web3_clientVersion'),
      rpc.request<string>('eth_chainId'),
      rpc.request<BlockHead | null>('eth_getBlockByNumber', ['latest', false]),
      rpc.request<string>('net_peerCount'),
      rpc.request<SyncState | false>('eth_syncing'),
    ]).catch((error: unknown) => {
      if (error instanceof RpcError)
        throw new UserError('NODE_UNREACHABLE', `${rpc.url} is not a node of this kind: ${error.message}`);
      throw error;
    });
    const notReady = syncing === false ? await reasonNotReady(rpc.url, invocation.signal) : undefined;
    if (block === null) throw new UserError('NODE_UNREACHABLE', `${rpc.url} has no block yet`);
    const state = {
      url: rpc.url,
      version,
      chainId: Number(chainId),
      height: Number(block.number),
      hash: block.hash,
      stateRoot: block.stateRoot,
      timestamp: Number(block.timestamp),
      peers: Number(peers),
      syncingTo: syncing === false ? null : Number(syncing.highestBlock),
      notReady: notReady ?? null,
    };
    if (flags.json) out.json(state);
    else {
      const age = Math.max(0, Math.round(invocation.nowMs() / 1000) - state.timestamp);
      out.line(`node     ${version} at ${state.url}`);
      out.line(`chain    ${state.chainId}`);
      out.line(`head     ${state.height}, ${age} s ago`);
      out.line(`hash     ${state.hash}`);
      out.line(`peers    ${state.peers}`);
      out.line(
        `state    ${state.syncingTo === null ? (notReady ?? 'at the head') : `catching up to ${state.syncingTo}`}`,
      );
    }
    return state.syncingTo === null && notReady === undefined ? EXIT.ok : EXIT.failed;
  },
});

/** A node that answers /ready in time. */
const READY_MS = 3_000;

/** What /ready says against this node; undefined if it is ready, or if something before it does not let us ask. */
async function reasonNotReady(url: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const response = await fetch(new URL('/ready', url), {
      signal: AbortSignal.any([signal, AbortSignal.timeout(READY_MS)]),
    });
    const { ready, reason } = (await response.json()) as { ready?: unknown; reason?: unknown };
    return ready === false && typeof reason === 'string' ? reason : undefined;
  } catch {
    return undefined;
  }
}
