/** What main answers to the RPC thread: the network, this node's state, and uploads into the artifact store. */
import type { ChainParams, Hex } from '../../genesis/types.ts';
import type { NodeView, SyncProgress } from '../../rpc/backend.ts';
import type { ArtifactLimits, ArtifactStore, ArtifactWriter } from '../artifacts/types.ts';
import type { NodeMetrics } from '../metrics/node-metrics.ts';
import type { Network } from '../network/types.ts';
import { type Handlers, LinkError } from '../threads/index.ts';
import type { ValidatorHandle } from '../validator/ports.ts';
import type { RpcMainCalls } from './protocol.ts';

export interface MainParts {
  network: Network;
  validator: ValidatorHandle;
  /** Why the head is not news, while no blocks come. */
  standstill: () => string | undefined;
  store: ArtifactStore;
  metrics: NodeMetrics;
  params: ChainParams;
  clientVersion: string;
  /** Operator's address of this node's consensus key. */
  validatorAddress: Hex | undefined;
}

/** @param parts known once the node is assembled; the RPC opens its port after that */
export function createMainSide(parts: () => MainParts): Handlers<RpcMainCalls> {
  const uploads = createUploads(
    () => parts().store,
    () => artifactLimits(parts().params),
  );
  let syncStart: number | undefined;
  return {
    peers: () =>
      parts()
        .network.peers()
        .map(({ id, address, direction, head }) => ({ id, address, direction, height: head.height })),
    syncing(): SyncProgress | undefined {
      const { headHeight, syncingTo } = parts().validator.status();
      if (syncingTo === undefined) {
        syncStart = undefined;
        return undefined;
      }
      syncStart ??= headHeight;
      return { startingBlock: syncStart, currentBlock: headHeight, highestBlock: syncingTo };
    },
    node(): NodeView {
      const { network, validator, clientVersion, validatorAddress } = parts();
      const standstill = parts().standstill();
      const { voting, halted } = validator.status();
      return {
        clientVersion,
        peerId: network.peerId,
        voting,
        ...(validatorAddress === undefined ? {} : { validator: validatorAddress }),
        ...(halted === undefined ? {} : { halted }),
        ...(standstill === undefined ? {} : { standstill }),
      };
    },
    metrics: () => parts().metrics.render(),
    ...uploads,
  };
}

export function artifactLimits(params: ChainParams): ArtifactLimits {
  const { maxBytes, maxRecordBytes, maxRecords } = params.contribution;
  return { maxBytes, maxLeafBytes: maxRecordBytes, maxLeaves: maxRecords, utf8: true };
}

type Uploads = Pick<Handlers<RpcMainCalls>, 'uploadBegin' | 'uploadLeaf' | 'uploadFinish' | 'uploadDiscard'>;

/** Uploads in progress by number; the store bounds how many there are. */
function createUploads(store: () => ArtifactStore, limits: () => ArtifactLimits): Uploads {
  const writers = new Map<number, { writer: ArtifactWriter; root: Hex }>();
  let next = 1;
  const find = (upload: number): { writer: ArtifactWriter; root: Hex } => {
    const found = writers.get(upload);
    if (found === undefined) throw new LinkError('CLOSED', 'this upload has ended');
    return found;
  };
  return {
    async uploadBegin({ root, size }) {
      const bounds = limits();
      // The declared size was matched against the commitment, so more than it can never become the artifact.
      const writer = await store().begin({ ...bounds, maxBytes: Math.min(bounds.maxBytes, size) });
      const upload = next++;
      writers.set(upload, { writer, root });
      return upload;
    },
    uploadLeaf: ({ upload, leaf }) => find(upload).writer.append(leaf),
    async uploadFinish(upload) {
      const { writer, root } = find(upload);
      await writer.finish(root);
      writers.delete(upload);
      return store().describe(root);
    },
    async uploadDiscard(upload) {
      const found = writers.get(upload);
      writers.delete(upload);
      await found?.writer.discard();
    },
  };
}
