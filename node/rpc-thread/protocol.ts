/**
 * What crosses the border of the RPC thread. It reads the chain from the database by itself; main answers for the
 * network and owns the artifact store, the executor answers for the pool and for attributions.
 */
import type { MessagePort } from 'node:worker_threads';
import type { Genesis } from '../../genesis/types.ts';
import type { ArtifactDeclaration, NodeView, PeerView, SyncProgress } from '../../rpc/backend.ts';
import type { ArtifactInfo } from '../../state/types.ts';
import type { LogFields, LogLevel } from '../log.ts';

export interface RpcSettings {
  genesis: Genesis;
  chainDir: string;
  dataDir: string;
  executorPort: MessagePort;
  host: string;
  port: number;
  allowedHosts: readonly string[];
  allowedOrigins: readonly string[];
}

/** Answered by the RPC thread for main. */
export interface RpcCalls {
  /** Resolves when the port is open; call it once the chain exists on disk. Rejects with PORT_IN_USE. */
  open(): Promise<{ port: number }>;
  /** Closes the port, all connections and the database. The thread ends after the answer. */
  shutdown(): Promise<void>;
}

/** Answered by main for the RPC thread. */
export interface RpcMainCalls {
  peers(): PeerView[];
  syncing(): SyncProgress | undefined;
  node(): NodeView;
  metrics(): Promise<string>;
  /** An upload: begin, one call per leaf (its answer is the back-pressure), then finish or discard. */
  uploadBegin(declaration: ArtifactDeclaration): Promise<number>;
  uploadLeaf(part: { upload: number; leaf: Uint8Array }): Promise<void>;
  uploadFinish(upload: number): Promise<ArtifactInfo>;
  uploadDiscard(upload: number): Promise<void>;
}

export interface RpcEvents {
  log: { level: LogLevel; message: string; fields: LogFields };
}
