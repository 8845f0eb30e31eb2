/** Bounds of the executor thread, each with its reason. */
export const LIMITS = {
  /** Trial runs of module calls at the same time: one computes, one waits for its turn. */
  trialsRunning: 2,
  /** B6: trial runs a sender may have at once, and how fast they come back. An operator answers a few times a second. */
  trialBurst: 16,
  trialsPerSecond: 4,
  /** Senders whose allowance is remembered; the fullest are forgotten first. */
  trialSenders: 1_024,
  /** Blocks whose answer is `unknown`, kept to be told when that may have changed: a few rounds of one height. */
  unknownBlocks: 64,
  /**
   * Longest time that a proposer puts transactions into one block, ms. Every validator needs about as long to execute
   * it, so twice this and the votes stay within the propose timeout and a second of finality.
   */
  buildMs: 300,
  /** Transactions admitted before consensus gets a turn: about 20 ms of decoding and recovering senders. */
  admissionSlice: 100,
  /** Offences that wait for a block: offenders are few, or the chain is lost anyway. */
  evidence: 64,
  /** Offences remembered, so that each is offered once; one that is forgotten is refused by the chain. */
  knownOffences: 1_024,
  /** Attestations that wait for a block: a hundred validators for a few dozen subjects, 300 bytes each. */
  attestations: 8_192,
  /** Attestations heard before the block that opens their subject, unchecked. */
  earlyAttestations: 256,
  /** A head older than this, ms, is taken for one on the way to a later one, unless nothing comes. */
  nearHeadMs: 10_000,
  /**
   * Work on what blocks ask for waits this long, ms, while the node is behind: on its way to the head a subject is open
   * for a few blocks, so milliseconds. What is still open then is computed wherever the head is said to be.
   */
  settleMs: 5_000,
  /** Our own attestation that no block has taken is sent again after this long. */
  attestationAgainMs: 2_000,
  /** Pause before transactions of our users leave in one frame, ms: long enough to gather, too short to notice. */
  broadcastDelayMs: 4,
  /** Housekeeping of the pool (sending again, lifetimes). */
  poolTickMs: 1_000,
  /** Attributions for the RPC at the same time; a block's own waits behind at most these. */
  attributionsForOthers: 8,
  /** Proofs for the RPC at the same time: they wait for one thread. */
  proofsRunning: 4,
  /** Commitments in memory, about 30 bytes a token; together at most those of the largest snapshot. */
  provenSnapshots: 2,
  /** Snapshots remembered as too large for proofs. */
  refusedSnapshots: 64,
  /**
   * Longest wait of a client for a commitment, ms; it goes on being made, and the client asks again. Well below the
   * time-outs of HTTP clients.
   */
  proofPatienceMs: 15_000,
  /** Times that a job reads its snapshot again because others pushed it out: more than can be at work at once. */
  snapshotReloads: 32,
  /**
   * Longest time that a block waits for the index of a snapshot before it is unknown, ms: enough for a few hundred
   * kilobytes of text, and short against the propose timeout.
   */
  indexPatienceMs: 250,
  /** Versions of models whose indexes wait to be built before anybody asks: as many as there are in memory. */
  warmUps: 16,
  /** Text shown on each side of a quoted passage, bytes. */
  excerptBytes: 120,
  /** Leaves whose facts are kept, 32 bytes and an object each: about 20 MB. */
  knownLeaves: 100_000,
} as const;
