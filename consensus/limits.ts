/** Every bound of the consensus core, each with its reason. Change one here and nowhere else. */
export const LIMITS = {
  /** Validators in a set. A bitmap of 128 bytes and, with 100-byte members, a set encoding of about 100 kB. */
  maxValidators: 1024,
  /** Total power. Priorities stay within +-2 x this, so every sum fits 64 bits in other implementations too. */
  maxTotalPower: 1n << 60n,
  /** Rounds kept with votes at one height. With default timeouts 1,024 rounds last for days. */
  maxRoundsKept: 1024,
  /**
   * Far-future rounds of one validator at one height. Each vote is checked and logged, so that a key which names one
   * round after the other would fill the disk; a correct one needs hours for so many that we did not follow it through.
   */
  maxFarRoundsPerVoter: 1024,
  /**
   * Rounds beyond the current one for which proposals are taken. A proposal is only of use in its own round, and
   * a node that is further behind jumps by votes first and pulls the proposal then.
   */
  maxProposalRoundsAhead: 16,
  /** Different block hashes kept for one validator, round and type: two prove equivocation, more prove nothing new. */
  maxHashesPerVoter: 2,
  /** Different proposals kept for one round, for the same reason. A third is kept only if a third of the power votes it. */
  maxProposalsPerRound: 2,
  /** Blocks known at one height: proposals of the rounds kept, but never more than this (bytes live in the shell). */
  maxBlocksPerHeight: 64,
  /** Pieces of evidence reported at one height. One per validator would do; this leaves room for both kinds. */
  maxEvidencePerHeight: 2048,
  /** Votes in one gossip message or answer: 161 bytes each, so 82 kB. */
  maxVotesPerMessage: 512,
  /** A timeout never grows beyond this: a network slower than a minute is down, and people wait for it to come back. */
  maxTimeoutMs: 60_000,
  /** Bytes of one record of the log: a block (16 MiB at most) and its frame. */
  maxWalRecordBytes: (16 << 20) + 1024,
  /** Applications of rules to one input before the core calls itself broken: a handful is normal. */
  maxRuleApplications: 10_000,
} as const;
