/** What a call may need beside the chain: bytes from the files, attributions and answers of models from the executor. */
import { type ExecutionPorts, type TrainedVersion, Unavailable } from '../../state/types.ts';
import type { ArtifactReader } from '../rpc-thread/backend.ts';
import type { Link } from '../threads/index.ts';
import type { ReaderNeeds } from './protocol.ts';

/** Lets wallets call and estimate what needs bytes or an attribution, as if it were executed here. */
export function createPorts(artifacts: ArtifactReader, elsewhere: Link<ReaderNeeds, object>): ExecutionPorts {
  return {
    async artifact(root) {
      const info = artifacts.describe(root);
      if (info === undefined) throw new Unavailable({ kind: 'artifact', root });
      return info;
    },
    async attribute({ sequence, ...job }) {
      try {
        return await elsewhere.call('attribute', { ...job, entries: sequence() });
      } catch {
        throw new Unavailable({ kind: 'attribution', requestId: job.requestHash });
      }
    },
    async infer({ sequence, base, ...job }) {
      try {
        return await elsewhere.call('infer', {
          ...job,
          entries: sequence(),
          base: base && cloned(base),
        });
      } catch {
        throw new Unavailable({ kind: 'model', modelId: job.modelId, version: job.version });
      }
    },
  };
}

function cloned({ sequence, ...version }: TrainedVersion) {
  return { ...version, entries: sequence() };
}
