/**
 * The one place where a node is put together, in the order of its dependencies:
 * genesis and keys -> executor thread (database, pool, attribution) -> network -> artifacts -> validator -> RPC thread.
 * Whatever takes time to load is begun first and waited for where it is needed.
 *
 * Limitations: one chain per process; settings are read once, at the start.
 */
import { accessSync, constants, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import type { Address, Hash } from '../consensus/types.ts';
import { GenesisError } from '../genesis/schema.ts';
import type { Genesis, Hex } from '../genesis/types.ts';
import { encodeAttestation } from '../state/transactions/attestation.ts';
import { createArtifactFetcher } from './artifacts/fetch.ts';
import { openArtifactStore } from './artifacts/store.ts';
import type { ArtifactStore } from './artifacts/types.ts';
import { systemClock, systemRandom } from './authorities.ts';
import { checkChainPrograms } from './chain-programs.ts';
import type { NodeConfig } from './config/config.ts';
import { systemReason, UserError } from './config/errors.ts';
import { checkGenesis } from './config/genesis-file.ts';
import { lowDisk, watchDisk } from './disk-watch.ts';
import { EXECUTOR_ENTRY, type ExecutorClient, startExecutorThread } from './executor-thread/client.ts';
import { type ConsensusKey, loadConsensusKey } from './keys/consensus-key.ts';
import { toHex } from './keys/hex.ts';
import { lockKey } from './keys/key-lock.ts';
import { loadOrCreateNodeKey } from './keys/node-key.ts';
import { readPassword } from './keys/password.ts';
import { movedAway, retiredRecordOf } from './keys/retired-record.ts';
import { forModule, type Log } from './log.ts';
import { connectTransactions } from './mempool/gossip.ts';
import { createBlsTime } from './metrics/bls-time.ts';
import { createNodeMetrics, type NodeMetrics } from './metrics/node-metrics.ts';
import { createValidatorNet } from './network/validator-net.ts';
import { startRpcThread } from './rpc-thread/client.ts';
import { artifactLimits, createMainSide, type MainParts } from './rpc-thread/main-side.ts';
import { openSnapshotFiles } from './snapshots/files.ts';
import { serveSnapshots } from './snapshots/protocol.ts';
import { createSnapshotSchedule } from './snapshots/schedule.ts';
import { standstill, watchStandstill } from './standstill.ts';
import { ATTESTED_FILE, openAttestingGuard } from './validator/attesting.ts';
import { createBlstSigner, createBlstVerifier } from './validator/bls.ts';
import { createFileStorage } from './validator/file-storage.ts';
import type { Head, Signer, Storage, ValidatorHandle } from './validator/ports.ts';
import { LAST_SIGNED_FILE } from './validator/signing.ts';
import { createValidator } from './validator/validator.ts';
import { createExecutorApp, type ExecutorApp } from './validator-app/app.ts';
import { holdToTrustedBlock } from './validator-app/trusted-block.ts';

export interface StartOptions {
  log: Log;
  /** Ends the node. */
  signal?: AbortSignal;
  /** Asks for the password of the consensus key when nothing else gives it. */
  ask?: (prompt: string) => Promise<string>;
  environment?: Readonly<Record<string, string | undefined>>;
  /** Another executor, for tests of networks with a faulty member. */
  executorEntry?: URL;
  /** Around the store that peers are served from, for tests of networks with a slow member. */
  wrapArtifacts?: (store: ArtifactStore) => ArtifactStore;
}

export interface NodeHandle {
  /** undefined when the RPC is off. */
  readonly rpcPort: number | undefined;
  /** undefined when the node only dials. */
  readonly p2pPort: number | undefined;
  readonly peerId: string;
  readonly genesisHash: Hex;
  /** Milliseconds from the call of `startNode` to the end of each step. */
  readonly startTimes: Readonly<Record<string, number>>;
  /** Ends the node: no vote is signed after it resolves, logs and database are closed, ports are free. */
  stop(): Promise<void>;
  /** Resolves when the node has ended; rejects with the reason if it ended by itself. */
  readonly stopped: Promise<void>;
}

/**
 * Code for scripts: a message that begins with one (`WAL_DAMAGED: ...`) names it itself, and what the operating system
 * says of a full disk is the same wherever it is met.
 */
function codeOf(message: string, otherwise: string): string {
  if (/\bENOSPC\b|\bEDQUOT\b/.test(message)) return 'DISK_FULL';
  return /^([A-Z]{3,}(?:_[A-Z]+)+): /.exec(message)?.[1] ?? otherwise;
}

/** @throws UserError TRUSTED_BLOCK_DIFFERS */
async function heldToTrust({ trustHeight, trustHash }: NodeConfig, app: ExecutorApp): Promise<ExecutorApp> {
  if (trustHash === '') return app;
  return await holdToTrustedBlock(app, { height: trustHeight, hash: trustHash.toLowerCase() as Hash });
}

/** @throws UserError DATA_DIR_UNUSABLE, DISK_FULL */
function makeDataFolder(dataDir: string): void {
  try {
    makeFolder(dataDir);
    accessSync(dataDir, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UserError(
      code === 'ENOSPC' || code === 'EDQUOT' ? 'DISK_FULL' : 'DATA_DIR_UNUSABLE',
      `cannot use the data folder ${dataDir}: ${systemReason(error)}; give this node a --data-dir that it may write to`,
    );
  }
}

/**
 * What is opened inside the data folder: a file where a folder is expected, or the other way round, is told like a
 * folder that cannot be used at all.
 * @throws UserError DATA_DIR_UNUSABLE
 */
function inDataFolder<T>(dataDir: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    const { code, path, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined || code === 'ENOSPC' || code === 'EDQUOT') throw error;
    throw new UserError(
      'DATA_DIR_UNUSABLE',
      `cannot use ${path ?? dataDir}: ${systemReason(error)}; give this node a --data-dir that it may write to`,
    );
  }
}

/** Folder by folder: Node's own way to make several never ends where the system answers that the parent is missing. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path);
}

/** All of the shutdown must be over by then; what is not is left to the end of the process. */
const STOP_DEADLINE_MS = 15_000;

/** @throws UserError and errors with a `code` of the parts (DATA_DIR_IN_USE, WRONG_CHAIN, PORT_IN_USE, STOPPED ...). */
export async function startNode(config: NodeConfig, options: StartOptions): Promise<NodeHandle> {
  const { log } = options;
  const began = performance.now();
  const startTimes: Record<string, number> = {};
  const reached = <T>(step: string, value: T): T => {
    startTimes[step] = Math.round(performance.now() - began);
    return value;
  };
  const genesis = readGenesisFile(config.genesis);
  const { params } = genesis;
  checkChainPrograms(params);
  makeDataFolder(config.dataDir);
  refuseWithoutRecord(config);
  const { minFreeMib, dataDir } = config;
  const low = lowDisk({ directory: dataDir, minFreeMib });
  if (low !== undefined) throw new UserError('DISK_FULL', low);
  const chainDir = join(config.dataDir, 'chain');
  if (config.trustHash !== '' && !existsSync(chainDir)) {
    const { beginWithSnapshot } = await import('./snapshots/begin.ts');
    const nodeKey = loadOrCreateNodeKey(config.nodeKey);
    await beginWithSnapshot({
      config,
      genesis,
      nodeKey,
      log: forModule(log, 'snapshot'),
      signal: options.signal,
    });
  }
  const ending = createEnding(log);
  try {
    // Threads load their code while this one loads the network's.
    const links = config.rpc.enabled ? new MessageChannel() : undefined;
    const executor = startExecutorThread(
      {
        genesis,
        chainDir,
        dataDir: config.dataDir,
        journalFile: config.mempool.journal ? join(config.dataDir, 'pool.journal') : '',
        retention: config.state.retention,
        keep: {
          blocks: config.state.blockRetention,
          receipts: config.state.receiptRetention,
          index: config.state.indexRetention,
        },
        poolLifetimeMs: config.mempool.lifetimeSeconds * 1000,
        attributionWorkers: config.attribution.workers,
        rpcPort: links?.port1 ?? null,
      },
      options.executorEntry ?? EXECUTOR_ENTRY,
    );
    ending.add('executor', executor);
    executor.on('log', ({ level, message, fields }) =>
      log(level, message, { module: 'executor', ...fields }),
    );
    executor.on('fault', ({ code, message }) => ending.fail(codeOf(message, code), message));
    const { fail } = ending;
    const disk = watchDisk({
      directory: dataDir,
      minFreeMib,
      clock: systemClock,
      onLow: (message) => fail('DISK_FULL', message),
    });
    ending.addCloser('disk', () => disk.stop());

    let parts: MainParts | undefined;
    const rpc =
      links &&
      startRpcThread(
        {
          genesis,
          chainDir,
          dataDir: config.dataDir,
          executorPort: links.port2,
          host: config.rpc.host,
          port: config.rpc.port,
          allowedHosts: config.rpc.allowedHosts,
          allowedOrigins: config.rpc.allowedOrigins,
        },
        createMainSide(() => {
          if (parts === undefined) throw new UserError('STARTING', 'the node is still starting');
          return parts;
        }),
        ({ level, message, fields }) => log(level, message, { module: 'rpc', ...fields }),
      );
    if (rpc !== undefined) ending.add('rpc', rpc);
    const networkCode = loadNetworkCode();
    networkCode.catch(() => {});
    const key = await readConsensusKey(config, options);
    const nodeKey = loadOrCreateNodeKey(config.nodeKey);

    const opened = reached('executor', await executor.link.call('open', undefined));
    if (key !== undefined) {
      const lock = await lockKey(config.validator.key);
      ending.addCloser('key', () => lock.release());
      // The record may have been exported with --retire since the first look.
      refuseWithoutRecord(config);
    }
    let consensus: ValidatorHandle | undefined;
    const app = await heldToTrust(
      config,
      createExecutorApp(executor, opened, () => consensus?.status().syncingTo),
    );
    const { genesisHash } = opened;
    const blsTime = createBlsTime();
    const signer =
      key && blsTime.signer(createBlstSigner(operatorOf(config, key, app.head(), genesis), key.secretKey));

    const { createNetwork } = reached('networkCode', await networkCode);
    const env = { clock: systemClock, random: systemRandom };
    const network = await createNetwork({
      privateKey: nodeKey,
      listen: config.p2p.listen,
      announce: config.p2p.announce,
      bootstrap: config.p2p.bootstrap,
      persistentPeers: config.p2p.persistent,
      genesisHash,
      peerFile: join(dataDir, 'peers.json'),
      head: () => ({ height: app.head().height, hash: app.head().blockHash }),
      env: { ...env, log: forModule(log, 'network') },
    });
    ending.addCloser('network', () => network.stop());
    app.onHead(() => network.announceHead());

    const store = inDataFolder(dataDir, () =>
      openArtifactStore({ dataDir, log: forModule(log, 'artifacts') }),
    );
    ending.addCloser('artifacts', () => store.close());
    const fetcher = createArtifactFetcher({
      network,
      store: options.wrapArtifacts?.(store) ?? store,
      artifactLimits: artifactLimits(params),
      env: { ...env, log: forModule(log, 'artifacts') },
    });
    ending.addCloser('fetcher', () => fetcher.stop());
    connectArtifacts(executor, store, fetcher.want, forModule(log, 'artifacts'));
    connectTransactions(network, executor, forModule(log, 'pool'));

    serveSnapshots(network, openSnapshotFiles(dataDir));
    const { interval, keep } = config.snapshots;
    const { evidenceMaxAgeBlocks } = params.consensus;
    const snapshots = createSnapshotSchedule(
      { dataDir, evidenceMaxAgeBlocks, keep },
      interval,
      forModule(log, 'snapshot'),
    );
    app.onHead(({ height }) => snapshots.onHead(height));
    ending.addCloser('snapshots', () => snapshots.stop());

    const storage = consensusStorage(config);
    if (signer !== undefined) {
      const parts = { signer, storage, chainId: params.chainId, genesisHash, log, fail };
      ending.addCloser('attestations', connectAttestations(executor, parts));
    }

    const net = createValidatorNet(network, forModule(log, 'network'));
    let metrics: NodeMetrics | undefined;
    const validator = createValidator({
      env: {
        ...env,
        storage,
        bls: blsTime.verifier(createBlstVerifier()),
        app,
        net,
        log: forModule(log, 'consensus'),
        ...(signer && { signer }),
      },
      genesisHash,
      parameters: params.consensus,
      onCommitted: (head, round, by) => metrics?.committed(round, head.timestampMs, by),
      watch: {
        handled: (core, input) => metrics?.watch.handled(core, input),
        effect: (core, effect) => metrics?.watch.effect(core, effect),
      },
      onHalt: (message) => fail(codeOf(message, 'HALTED'), message),
      keyNeverSigned: config.validator.riskSlashingWithoutRecord,
      doubleSignCheckHeight: config.validator.doubleSignCheckHeight,
    });
    consensus = validator;
    ending.addCloser('validator', () => validator.stop());
    metrics = createNodeMetrics({
      executorCounts: () => executor.link.call('counts', undefined),
      validatorStatus: () => validator.status(),
      validators: () => {
        const { validators, totalPower } = app.head().validators;
        return { count: validators.length, power: Number(totalPower) };
      },
      peers: () => network.peers(),
      traffic: () => network.traffic(),
      peerBytes: () => network.peerBytes(),
      waiting: () => ({ gossip: network.validations(), artifacts: fetcher.wanted().length }),
      queues: () => ({ executor: executor.link.inFlight(), rpc: rpc?.link.inFlight() ?? 0 }),
      self: () => signer?.address,
      blsSeconds: blsTime.seconds,
      dataDir,
    });
    const { stop: stopMetrics } = metrics;
    ending.addCloser('metrics', stopMetrics);
    const startedMs = systemClock.nowMs();
    const pace = () => ({
      sinceMs: Math.max(app.head().timestampMs, startedMs),
      height: app.head().height,
      heartbeatMs: params.consensus.heartbeatMs,
      peers: network.peers().length,
    });
    ending.addCloser('standstill', watchStandstill(pace, { clock: systemClock, log }));
    parts = {
      network,
      validator,
      standstill: () => standstill(pace(), systemClock.nowMs()),
      store,
      metrics,
      params,
      clientVersion: clientVersion(),
      validatorAddress: signer?.address,
    };

    net.attach(validator);
    // A new key listens to its peers before it signs, so the network must not wait for it.
    validator.start().then(
      () => reached('validator', undefined),
      (error: unknown) => fail('CONSENSUS', error instanceof Error ? error.message : String(error)),
    );
    const rpcOpening = rpc?.link.call('open', undefined);
    rpcOpening?.catch(() => {});
    await network.start();
    reached('network', undefined);
    const rpcPort = reached('rpc', await rpcOpening)?.port;
    const p2pPort = portOf(network.addresses());
    log('info', 'the node is running', {
      height: app.head().height,
      role: signer === undefined ? 'full node' : 'validator',
      ...(rpcPort === undefined ? {} : { rpc: `http://${config.rpc.host}:${rpcPort}` }),
      ...(p2pPort === undefined ? {} : { p2p: p2pPort }),
      peerId: network.peerId,
      startMs: Math.round(performance.now() - began),
    });
    options.signal?.addEventListener('abort', () => void ending.stop(), { once: true });
    if (options.signal?.aborted) void ending.stop();
    return {
      rpcPort,
      p2pPort,
      peerId: network.peerId,
      genesisHash,
      startTimes,
      stop: ending.stop,
      stopped: ending.stopped,
    };
  } catch (error) {
    ending.stopped.catch(() => {});
    await ending.stop();
    throw error;
  }
}

// --- pieces --------------------------------------------------------------------------------------------------------

/**
 * libp2p is the slowest import of this thread: begun here, it loads while the executor loads its own libraries.
 */
async function loadNetworkCode(): Promise<typeof import('./network/network.ts')> {
  const code = await import('./network/network.ts');
  await code.loadLibraries();
  return code;
}

/** The files of consensus. What the key signed last lies beside it: whoever moves the key moves the records along. */
function consensusStorage(config: NodeConfig): Storage {
  const { dataDir } = config;
  const log = inDataFolder(dataDir, () => createFileStorage(join(dataDir, 'consensus')));
  if (config.validator.key === '') return log;
  const besideKey = createFileStorage(dirname(config.validator.key));
  const of = (name: string): Storage =>
    name === LAST_SIGNED_FILE || name === ATTESTED_FILE ? besideKey : log;
  return {
    openAppend: (name) => of(name).openAppend(name),
    readFile: (name) => of(name).readFile(name),
    replaceFile: (name, bytes) => of(name).replaceFile(name, bytes),
  };
}

/**
 * A key is made together with its record. One without may have signed anything before it came here, and one whose record
 * was exported with --retire signs elsewhere now, which no flag of this start overrules.
 * @throws UserError LAST_SIGNED_MISSING
 */
function refuseWithoutRecord(config: NodeConfig): void {
  const { key, riskSlashingWithoutRecord } = config.validator;
  if (key === '' || !existsSync(key)) return;
  if (movedAway(key))
    throw new UserError(
      'LAST_SIGNED_MISSING',
      `the record of ${key} was exported with --retire, so the key signs on another machine now: keep it stopped here, ` +
        'or empty validator.key for a full node. To bring the key back, export the record there with --retire and ' +
        `'openledger last-signed import FILE' it here; where ${retiredRecordOf(key)} is wrong, remove that file`,
    );
  if (riskSlashingWithoutRecord) return;
  if (existsSync(join(dirname(key), LAST_SIGNED_FILE))) return;
  throw new UserError(
    'LAST_SIGNED_MISSING',
    `${key} has no last-signed record beside it, so it may have signed elsewhere. Bring the record from there with ` +
      "'openledger last-signed import FILE'; only if the key never signed on this chain, start once with " +
      '--validator-risk-slashing-without-record true',
  );
}

/** Artifacts that execution misses are fetched; what arrives is told to the executor. */
function connectArtifacts(
  executor: ExecutorClient,
  store: ArtifactStore,
  want: (root: Hex) => void,
  log: Log,
): void {
  const tell = (root: Hex): void => {
    executor.link.call('artifactArrived', root).catch(() => {});
  };
  store.onArrival(tell);
  executor.on('want', (roots) => {
    for (const root of roots) {
      try {
        // Looks at the bytes: a damaged file is deleted here and then fetched.
        if (store.verify(root)) tell(root);
        else want(root);
      } catch (error) {
        log('warn', 'an artifact that a block or a transaction needs cannot be asked for', {
          root,
          error: error instanceof Error ? error.message : String(error),
        });
      }
    }
  });
}

/** The executor computes, this thread's key signs; returns what ends that and closes the record of it. */
function connectAttestations(
  executor: ExecutorClient,
  parts: {
    signer: Signer;
    storage: Storage;
    chainId: number;
    genesisHash: Hex;
    log: Log;
    fail: Ending['fail'];
  },
): () => void {
  const { signer, storage, chainId, genesisHash, fail } = parts;
  const log = forModule(parts.log, 'attestation');
  const guard = openAttestingGuard({ storage, signer, genesisHash, log });
  executor.on('attest', ({ subject, root }) => {
    try {
      const signature = guard.sign(subject, root);
      if (signature === null) return;
      const validator = signer.address;
      const raw = encodeAttestation({ op: 'attest', subject, validator, root, signature }, chainId);
      log('info', 'attesting', { subject, root });
      // What the pool does not take, a block has already; what is lost with the thread is computed again.
      executor.link.call('submit', { raws: [raw], origin: 'local' }).catch(() => {});
    } catch (error) {
      fail('FAULT', `the record of attestations cannot be written: ${String(error)}`);
    }
  });
  executor.link.call('attestAs', signer.address).catch(() => {});
  return () => guard.close();
}

async function readConsensusKey(
  config: NodeConfig,
  options: StartOptions,
): Promise<ConsensusKey | undefined> {
  const { key, passwordFile } = config.validator;
  if (key === '') return undefined;
  return loadConsensusKey(key, () =>
    readPassword(
      {
        file: passwordFile,
        environment: options.environment ?? process.env,
        ask: options.ask,
        fileSetting: '--validator-password-file FILE (validator.passwordFile)',
      },
      `Password of ${key}: `,
    ),
  );
}

/** The account behind the consensus key. @throws UserError UNKNOWN_VALIDATOR */
function operatorOf(config: NodeConfig, key: ConsensusKey, head: Head, genesis: Genesis): Address {
  if (config.validator.operator !== '') return config.validator.operator.toLowerCase() as Address;
  const own = toHex(key.publicKey);
  const members = [...head.validators.validators, ...head.nextValidators.validators];
  const member =
    members.find(({ blsPublicKey }) => toHex(blsPublicKey) === own) ??
    genesis.validators.find(({ blsPublicKey }) => blsPublicKey === own);
  if (member !== undefined) return member.address;
  throw new UserError(
    'UNKNOWN_VALIDATOR',
    `${config.validator.key} belongs to no validator of this chain; set validator.operator to its account, or remove validator.key to run a full node`,
  );
}

/** @throws UserError GENESIS_INVALID */
function readGenesisFile(path: string): Genesis {
  try {
    return checkGenesis(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof GenesisError) throw new UserError('GENESIS_INVALID', `${path}: ${error.message}`);
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new UserError(
        'GENESIS_MISSING',
        `there is no genesis file at ${path}; 'openledger init' makes a node's folder`,
      );
    throw new UserError('GENESIS_INVALID', `cannot read the genesis file ${path}: ${systemReason(error)}`);
  }
}

/** First TCP port of the addresses we listen on. */
function portOf(addresses: readonly string[]): number | undefined {
  for (const address of addresses) {
    const port = /\/tcp\/(\d+)/.exec(address)?.[1];
    if (port !== undefined) return Number(port);
  }
  return undefined;
}

function clientVersion(): string {
  const manifest = JSON.parse(readFileSync(findManifest(), 'utf8')) as { version: string };
  return `OpenLedger/${manifest.version}/${process.platform}-${process.arch}/node${process.versions.node}`;
}

/** package.json lies above the sources and above dist/ alike. */
function findManifest(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const path = join(folder, 'package.json');
    try {
      readFileSync(path);
      return path;
    } catch {
      if (folder === dirname(folder)) throw new Error('package.json is missing from the installation');
    }
  }
}

interface Ending {
  addCloser(name: string, close: () => Promise<void> | void): void;
  /** A thread: closed like the rest, and its own end is a failure. */
  add(name: string, thread: { stop(): Promise<void>; readonly ended: Promise<string | undefined> }): void;
  /** The node cannot go on. The first reason counts. */
  fail(code: string, message: string): void;
  stop(): Promise<void>;
  readonly stopped: Promise<void>;
}

/** Closes parts in the opposite order of their making, each failure logged, all of it within the deadline. */
function createEnding(log: Log): Ending {
  const closers: { name: string; close: () => Promise<void> | void }[] = [];
  let failure: Error | undefined;
  let stopping: Promise<void> | undefined;
  let settle: { resolve: () => void; reject: (error: Error) => void } | undefined;
  const stopped = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  // A handle that nobody looks at must not end the process twice.
  stopped.catch(() => {});

  async function closeAll(): Promise<void> {
    for (const { name, close } of closers.reverse()) {
      try {
        await close();
      } catch (error) {
        log('error', 'a part of the node did not close cleanly', {
          part: name,
          error: error instanceof Error ? error.message : String(error),
        });
      }
    }
  }

  function stop(): Promise<void> {
    stopping ??= (async () => {
      let cancelDeadline: () => void = () => {};
      const deadline = new Promise<void>((resolve) => {
        cancelDeadline = systemClock.setTimer(STOP_DEADLINE_MS, () => {
          log('error', 'the shutdown took too long and is cut off', { deadlineMs: STOP_DEADLINE_MS });
          resolve();
        });
      });
      await Promise.race([closeAll(), deadline]);
      cancelDeadline();
      if (failure === undefined) settle?.resolve();
      else settle?.reject(failure);
    })();
    return stopping;
  }

  function fail(code: string, message: string): void {
    if (stopping !== undefined || failure !== undefined) return;
    failure = new UserError(code, message);
    log('error', `the node stops: ${message}`, { code });
    void stop();
  }

  return {
    addCloser: (name, close) => {
      closers.push({ name, close });
    },
    add(name, thread) {
      closers.push({ name, close: () => thread.stop() });
      void thread.ended.then((reason) => {
        if (reason !== undefined) fail('THREAD_ENDED', `the ${name} thread ended: ${reason}`);
      });
    },
    fail,
    stop,
    stopped,
  };
}
