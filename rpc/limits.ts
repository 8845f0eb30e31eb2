/**
 * Every bound of the RPC in one place, with its reason. Operators may change them in the configuration; an error that
 * a bound causes names it.
 */
export interface RpcLimits {
  /** Bytes of one request body or WebSocket message. geth's default; a 128 KiB transaction is 256 KiB as hex. */
  readonly maxBodyBytes: number;
  /** Requests in one batch, as geth. */
  readonly maxBatchItems: number;
  /** Bytes of all answers of one batch, as geth: one request must not make the node hold much more than it sent. */
  readonly maxBatchAnswerBytes: number;
  /** Bytes of one answer: a block of 2 MiB as JSON with hex is about 6 MB; attributions and pages of logs fit too. */
  readonly maxAnswerBytes: number;
  /** Nesting of a request. The deepest parameter we take is call overrides: 6. */
  readonly maxJsonDepth: number;
  /** Values of a request, which become some 60 bytes each: 1,000 simulated calls, or overrides of 100,000 slots. */
  readonly maxJsonValues: number;
  /** Requests of one batch that may run at once: lets submissions share round trips to the executor. */
  readonly maxBatchConcurrency: number;
  /** Time that the answers of one batch may take in one go; then others get their turn. */
  readonly batchSliceMs: number;
  /** Open TCP connections, HTTP and WebSocket together: a file descriptor and some 10 KiB each. */
  readonly maxConnections: number;
  readonly maxWebSockets: number;
  /** An explorer page uses 2, a busy indexer some tens. */
  readonly maxSubscriptionsPerSocket: number;
  /** Requests of one WebSocket that may be in flight; beyond, reading from it pauses (back pressure, no error). */
  readonly maxInFlightPerSocket: number;
  /** Bytes waiting for a WebSocket reader above which no further request of his is read (back pressure). */
  readonly socketPauseBytes: number;
  /**
   * Bytes waiting for a slow WebSocket reader; beyond, the connection ends: heads must not pile up in memory. Above
   * two answers of the largest size, so that nobody is cut for asking two large questions.
   */
  readonly maxSocketBacklogBytes: number;
  /**
   * Bytes that all clients together make the node hold: bodies not read to their end, requests that wait, answers that
   * nobody takes. Beyond, whoever holds most for longest is cut. Two answers of the largest size at once, and a small
   * part of what a node needs anyway.
   */
  readonly maxHeldBytes: number;
  /** Bytes that a request or a WebSocket holds uncounted: every usual call, so that no wallet is cut for others. */
  readonly freeHeldBytes: number;
  /** Time for a slow reader to take what waits and the reason why no more comes. */
  readonly slowReaderGraceMs: number;
  /** Calls that execute or scan (eth_call, estimateGas, getLogs, getProof, previews) at once. */
  readonly maxHeavyCalls: number;
  /** Heavy calls that may wait for their turn; beyond, -32005 at once is kinder than a time-out later. */
  readonly maxHeavyQueue: number;
  /** Time of one call, estimate, access list or simulation; then it is ended (geth: 5 s). */
  readonly callTimeoutMs: number;
  /** Time of a trace of one transaction or call (geth: 5 s). */
  readonly traceTimeoutMs: number;
  /** Time of whatever else runs apart, and of waiting for a turn there (geth's server: 30 s). */
  readonly scanTimeoutMs: number;
  /** A thread for such calls that nobody needed this long is ended: each holds some 50 MB. */
  readonly readerIdleMs: number;
  /** Time of work after which even the thread of wallets' calls is replaced when it is idle. */
  readonly readerWornMs: number;
  /** Gas of a block up to which questions about all of it are answered where they arrive: some 20 ms. */
  readonly smallBlockGas: bigint;
  /** Items of a page, and blocks of a fee history, that are read where they are asked for. */
  readonly smallPageItems: number;
  readonly smallFeeHistory: number;
  /** Time for a client to send its headers, and its whole body (5 MiB artifact at 85 KB/s). */
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** A connection on which no byte moves this long, in the middle of an answer: its reader is gone. */
  readonly stallTimeoutMs: number;
  /** Idle keep-alive connection. Above the 60 s of usual proxies, so that they close first. */
  readonly keepAliveTimeoutMs: number;
  /** A WebSocket that does not answer a ping for this long is gone. */
  readonly pingIntervalMs: number;
  /** Blocks one eth_getLogs may span without the indexes: no address and no topic, or blocks before they begin. */
  readonly maxLogBlocks: number;
  /** Index entries one eth_getLogs may look at: about a second. */
  readonly maxLogPostings: number;
  /** Logs one answer may hold. */
  readonly maxLogResults: number;
  /** Addresses, and topics per position, of one log filter (geth: 1,000 each). */
  readonly maxLogAddresses: number;
  readonly maxLogTopics: number;
  /** eth_feeHistory blocks, as geth. */
  readonly maxFeeHistoryBlocks: number;
  readonly maxFeeHistoryPercentiles: number;
  /** Slots of one eth_getProof. */
  readonly maxProofSlots: number;
  /** Filters that live at once, and how long an unpolled one does (geth: 5 minutes). */
  readonly maxFilters: number;
  readonly filterTimeoutMs: number;
  /** Hashes a pending-transaction filter keeps between polls; the oldest are dropped first. */
  readonly maxFilterHashes: number;
  /** Items of one page of an `ol` list. */
  readonly maxPageItems: number;
  /** Items that a filtered `ol` list looks at for one page; the page then says where to go on. */
  readonly maxPageScan: number;
  /** Blocks without indexes that a question about an address may scan: half a second of empty ones. */
  readonly maxHistoryBlocks: number;
  /** Blocks whose JSON is kept, and the largest: 16 MiB together, and readers of the head ask for few. */
  readonly maxBlockTexts: number;
  readonly maxBlockTextBytes: number;
  /** Artifact uploads and downloads at once: each holds at most one leaf (1 MiB) in memory. */
  readonly maxTransfers: number;
  /** Bytes of a refused body that are still read and dropped, so that the client gets to see why it was refused. */
  readonly maxDrainBytes: number;
  /** Each costs a comparison per block or log. */
  readonly maxSubscriptionsTotal: number;
}

export const DEFAULT_LIMITS: RpcLimits = {
  maxBodyBytes: 5 * 1024 * 1024,
  maxBatchItems: 1_000,
  maxBatchAnswerBytes: 25_000_000,
  maxAnswerBytes: 25_000_000,
  maxJsonDepth: 32,
  maxJsonValues: 250_000,
  maxBatchConcurrency: 64,
  batchSliceMs: 10,
  maxConnections: 1_000,
  maxWebSockets: 500,
  maxSubscriptionsPerSocket: 128,
  maxInFlightPerSocket: 64,
  socketPauseBytes: 256 * 1024,
  maxSocketBacklogBytes: 64 * 1024 * 1024,
  maxHeldBytes: 32 * 1024 * 1024,
  freeHeldBytes: 32 * 1024,
  slowReaderGraceMs: 10_000,
  maxHeavyCalls: 4,
  maxHeavyQueue: 256,
  callTimeoutMs: 5_000,
  traceTimeoutMs: 5_000,
  scanTimeoutMs: 30_000,
  readerIdleMs: 5_000,
  readerWornMs: 10_000,
  smallBlockGas: 5_000_000n,
  smallPageItems: 50,
  smallFeeHistory: 32,
  headersTimeoutMs: 15_000,
  requestTimeoutMs: 60_000,
  stallTimeoutMs: 120_000,
  keepAliveTimeoutMs: 65_000,
  pingIntervalMs: 30_000,
  maxLogBlocks: 10_000,
  maxLogPostings: 200_000,
  maxLogResults: 10_000,
  maxLogAddresses: 1_000,
  maxLogTopics: 1_000,
  maxFeeHistoryBlocks: 1_024,
  maxFeeHistoryPercentiles: 100,
  maxProofSlots: 1_024,
  maxFilters: 1_000,
  filterTimeoutMs: 5 * 60_000,
  maxFilterHashes: 10_000,
  maxPageItems: 200,
  maxPageScan: 2_000,
  maxHistoryBlocks: 10_000,
  maxBlockTexts: 64,
  maxBlockTextBytes: 256 * 1024,
  maxTransfers: 16,
  maxDrainBytes: 16 * 1024 * 1024,
  maxSubscriptionsTotal: 10_000,
};
