/** Every bound of this floor, each with its reason. What validators must agree on stands in the genesis parameters. */
export const LIMITS = {
  /**
   * Bytes of an encoded transaction, as in geth's pool. Prompts, outputs and metadata have smaller limits of their
   * own in the genesis parameters, so a reveal, a request and a settlement fit.
   */
  maxTransactionBytes: 128 * 1024,
  /**
   * Lists and strings in an encoded transaction: an access list of addresses alone, the one with most, has 17,100 in
   * 128 KiB. Lists of single bytes would cost 0.2 s to read.
   */
  maxTransactionItems: 20_000,
  /** Nesting of lists in anything that we decode: an access list in a transaction in a block body is 5. */
  maxRlpDepth: 8,
  /**
   * Transactions in a block: no body can be longer, whatever gas it has. Anybody can put rubbish under the header of a
   * good block, and four million transactions of one byte took 40 s to tell from it; these take 0.1 s. With transfers
   * alone it is a block of 344 Mgas.
   */
  maxBlockTransactions: 16_384,
  /** States kept readable before the head: at one block a second about 17 minutes, as geth's 128 blocks of 12 s. */
  defaultRetention: 1024,
  /** Blocks whose history is deleted in one commit, so that a changed setting does not stop the node for minutes. */
  maxPrunedBlocksPerCommit: 4,
  /** Commits that forgot a body before their space is given back: a file of LevelDB or two. */
  commitsBetweenCompactions: 1_024,
  /** Accounts and slots of the head kept in memory, about 200 bytes each: 40 MB. */
  maxCachedAccounts: 100_000,
  maxCachedSlots: 100_000,
  /** Hashes of blocks that a reader remembers: all that BLOCKHASH can ask for, and as many again. */
  maxKnownHashes: 512,
  /** Contract codes kept in memory; at most 24 KiB each, so 24 MB. */
  maxCachedCodes: 1_000,
  /** WebAssembly memory for codes that were run: some thousand usual ones. Only what is used is real memory. */
  machineCodeBytes: 32 * 1024 * 1024,
  /** Most that a call can return: the memory of `maxMachineGas` is 7.1 MB. */
  maxReturnBytes: 8 * 1024 * 1024,
  /** Memory of all frames together: 1,025 of them with `maxMachineGas` between them reach 210 MB. */
  maxMachineBytes: 512 * 1024 * 1024,
  /** Of it, what stays between transactions: the fixed parts take 76 MiB, of which only what was used is real. */
  keptMachineBytes: 128 * 1024 * 1024,
  /** Gas with which anything runs; a call has at most `callGasCap`, a transaction less. */
  maxMachineGas: 100_000_000n,
  /** Codes whose jump targets are remembered: up to 300 kB each for the largest, so 75 MB. */
  maxAnalysedCodes: 256,
  /** Trie nodes in memory before the lower levels are dropped and read again: about 300 bytes each, 60 MB. */
  maxCachedTrieNodes: 200_000,
  /** Levels of the accounts trie that survive such a drop: 16^3 branches. */
  keptTrieLevels: 3,
  /** Storage tries kept open between blocks. */
  maxOpenStorageTries: 2_000,
  /** Checked children of the head held as overlays: one per round is normal, and a round can be repeated. */
  maxOverlays: 16,
  /** Hashes of invalid blocks remembered. */
  maxInvalidBlocks: 1_024,
  /** Decoded transactions remembered between admission and block: about 1 kB each. */
  maxPrimedTransactions: 20_000,
  /** Gas of a call or an estimate that is not part of a block: geth's default. */
  callGasCap: 50_000_000n,
  /** EIP-7825: gas limit of one transaction. */
  transactionGasCap: 16_777_216n,
  /** Blocks of one simulation, empty ones between them included, as in geth. */
  maxSimulatedBlocks: 256,
  /** Steps of one trace: 200 bytes each and more, and as text too many for one answer. */
  maxTraceSteps: 200_000,
  /** Bytes of stacks, memories and storages in the steps of one trace: as text they would outgrow an answer. */
  maxTraceBytes: 64 * 1024 * 1024,
  /** Accounts in one page of `ChainReader.accounts`. */
  maxAccountsPage: 1_000,
  /** Blocks whose state calls read through one cache: nearly all ask for the head. At most 12,500 entries each, 2 MB. */
  maxCallBases: 2,
  /** Parsed head and block objects that a reader keeps. */
  maxReaderCache: 64,
  /**
   * Highest origin round of a valid block. Electing its proposer costs one turn a round, so a number without bound
   * would be a weapon; rounds last seconds to a minute, so ten thousand are days without agreement.
   */
  maxOriginRound: 10_000,
  /**
   * Rounds after which the room in blocks is halved (state/block/size.ts): by then timeouts are several times as long as
   * in round 0. Sixteen blocks of the largest size that genesis allows are 256 MiB, half of the log of a height.
   */
  roundsPerHalving: 8,
  /**
   * System transactions in one block. Each costs two signature checks (2 ms) and pays nothing; offenders are few, and
   * what does not fit comes in the next block.
   */
  maxEvidencePerBlock: 8,
  /** Ring of EIP-2935. */
  historyServeWindow: 8_191,
} as const;
