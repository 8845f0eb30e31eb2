/** Every bound of the validator's shell, each with its reason. */
export const LIMITS = {
  /** A block on the wire. Genesis may set less; this is what buffers are made for. */
  maxBlockBytes: 16 << 20,
  /** Blocks up to this size travel with their proposal; larger bodies are pulled by hash (gossip drops frames over 4 MB). */
  maxInlineBlockBytes: 1 << 20,
  /** Bytes of blocks held for the height being decided; beyond, those go that are not known to be valid. */
  maxBlockBytesHeld: 128 << 20,
  /**
   * The log of one height. Blocks become smaller with the round (state/block/size.ts): of 4 MB, with a third of the
   * proposers making two a round, all of them are 112 MB. The rest holds the votes of 103 validators in eight
   * thousand rounds, with a third of them voting twice: days, since late rounds last a minute and more.
   */
  maxWalBytes: 512 << 20,
  /**
   * Messages of the next height that wait until this height is committed: two votes and a proposal from each of 1,024.
   * Proposals, which may bring blocks, are far fewer: at most two of each round up to `maxProposalRoundsAhead`.
   */
  maxFutureMessages: 4096,
  /** Of these, votes of one validator: both kinds in two rounds, and twice that for one that contradicts itself. */
  maxFutureVotesPerValidator: 8,
  /** Votes that wait for their signatures to be checked. Beyond, they are dropped; anti-entropy brings them back. */
  maxPendingVotes: 8192,
  /** Peers asked at once when nothing moves. */
  maxStatusPeers: 4,
  /** Rounds described in one status message. */
  maxStatusRounds: 16,
  /**
   * How long a peer is not believed that claimed blocks and served none, in milliseconds: short enough for one that was
   * only busy. Doubled each time, since a crowd of liars takes turns.
   */
  minDoubtMs: 2_000,
  maxDoubtMs: 600_000,
  /**
   * How long a range may take after another one has come, and how long before another peer is asked for it too, in
   * milliseconds: the slowest peer must not set the pace, and four megabytes twice over a slow line cost everybody.
   */
  stragglerMs: 5_000,
  /** Blocks in one answer of a range request. */
  maxRangeBlocks: 64,
  /** Bytes in one answer of a range request (one block may exceed it alone). */
  maxRangeBytes: 4 << 20,
  /** Ranges asked for ahead of the one being executed. */
  maxRangesInFlight: 4,
  /** Bytes of any answer this shell accepts. */
  maxAnswerBytes: (20 << 20) + 4096,
  /** How long nothing may move before peers are asked, in milliseconds. */
  stallMs: 1_000,
  /** How long a key without a past listens before it signs at genesis, in milliseconds: its chain may be running. */
  lookAroundMs: 2_000,
  /**
   * Heights that a key without a past leaves out when it joins a running chain: the one in progress, in which it may
   * have voted in an earlier life, and one more, since peers may be a block ahead of what they told.
   */
  quietHeights: 2,
  /** Pause before asking again for a block, or for a verdict that was unknown, in milliseconds. */
  retryMs: 250,
  /** The pause grows to this. */
  maxRetryMs: 5_000,
  /**
   * How long one peer may keep a block to itself before the next is asked as well, in milliseconds: half of the shortest
   * propose timeout by default, so that one silent peer does not cost the round.
   */
  patienceMs: 500,
  /** Peers named in one search for a block before the pause. */
  maxBlockPeers: 4,
  /** Peers remembered for not having served a block, or for having served something else; no more are connected. */
  maxPeersRemembered: 64,
  /** Votes of the parent that arrive late are taken until the next block; then they help nobody. */
  maxLateVotes: 1024,
  /** Subjects that the attesting guard remembers before it forgets the older half: at most 4,096 are open at once. */
  attestedRecords: 65_536,
} as const;
