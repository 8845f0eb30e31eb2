/** The node around the RPC when there is no node: an empty pool, no peers, and refusals that say why. */
import type { RpcBackend } from '../../rpc/backend.ts';
import { RPC_CODES } from '../../rpc/errors.ts';
import { type ExecutionPorts, Unavailable } from '../../state/types.ts';
import { UserError } from '../config/errors.ts';
import { readerOfArtifacts } from '../rpc-thread/artifacts.ts';

const NOT_RUNNING = 'the node is stopped: its data is served for reading only';

export function inspectBackend(dataDir: string): RpcBackend {
  const artifacts = readerOfArtifacts(dataDir);
  const refuse = async (): Promise<never> => {
    throw new UserError('UNAVAILABLE', NOT_RUNNING);
  };
  const never = () => () => {};
  return {
    submitTransaction: async () => ({ error: { code: RPC_CODES.server, message: NOT_RUNNING } }),
    pendingNonce: async () => undefined,
    poolStatus: async () => ({ pending: 0, queued: 0, bytes: 0 }),
    poolContent: async () => ({ pending: [], queued: [] }),
    poolTransaction: async () => undefined,
    onHead: never,
    onPendingTransactions: never,
    peers: async () => [],
    syncing: async () => undefined,
    node: async () => ({ clientVersion: 'OpenLedger/inspect', halted: NOT_RUNNING }),
    storeArtifact: refuse,
    artifactInfo: async (root) => artifacts.describe(root),
    artifactLeaves: async (root) => artifacts.leaves(root),
    previewAttribution: refuse,
    attributionDetails: refuse,
    attributionProof: refuse,
  };
}

/** For calls: artifacts are there, attributions are not computed. */
export function inspectPorts(dataDir: string): ExecutionPorts {
  const artifacts = readerOfArtifacts(dataDir);
  return {
    async artifact(root) {
      const info = artifacts.describe(root);
      if (info === undefined) throw new Unavailable({ kind: 'artifact', root });
      return info;
    },
    async attribute({ requestHash }) {
      throw new Unavailable({ kind: 'attribution', requestId: requestHash });
    },
    async infer({ modelId, version }) {
      throw new Unavailable({ kind: 'model', modelId, version });
    },
  };
}
