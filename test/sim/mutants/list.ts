/**
 * Mistakes that real chains have made, or could. Each is a change of the sources as they are when a network is
 * bundled for the hunt; the product has no switch for any of them. A patch that no longer fits its file is an error,
 * so that the list cannot rot.
 */
export interface Patch {
  /** From the root of the repository. */
  readonly file: string;
  /** Stands exactly once in the file, unless `everywhere`. */
  readonly find: string;
  readonly replace: string;
  readonly everywhere?: boolean;
}

export interface Mutant {
  readonly name: string;
  /** The mistake in one sentence. */
  readonly mistake: string;
  readonly patches: readonly Patch[];
}

const TRANSITION = 'consensus/state-machine/transition.ts';
const CORE = 'consensus/driver/core.ts';
const SET = 'consensus/validator-set/set.ts';
const PARAMETERS = 'consensus/parameters.ts';
const PACING = 'consensus/driver/pacing.ts';
const LAST_SIGNED = 'consensus/wal/last-signed.ts';
const FRAME = 'consensus/wal/frame.ts';
const SIGNING = 'node/validator/signing.ts';
const HEIGHT = 'node/validator/height.ts';
const VALIDATOR = 'node/validator/validator.ts';
const CATCH_UP = 'node/validator/catch-up.ts';
const BLOCKS = 'node/validator/blocks.ts';

const patch = (file: string, find: string, replace: string): Patch => ({ file, find, replace });

export const MUTANTS: readonly Mutant[] = [
  // ---------------------------------------------------------------- the algorithm
  {
    name: 'lock not consulted',
    mistake: 'line 23 prevotes any valid fresh value, whatever is locked',
    patches: [
      patch(
        TRANSITION,
        'event.acceptable && (state.lockedRound === NO_ROUND || state.lockedValue === event.blockHash)',
        'event.acceptable',
      ),
    ],
  },
  {
    name: 'lock opened by an older polka',
    mistake: 'line 29 does not compare the round of the polka with that of the lock',
    patches: [
      patch(
        TRANSITION,
        'event.acceptable && (state.lockedRound <= event.validRound || state.lockedValue === event.blockHash)',
        'event.acceptable',
      ),
    ],
  },
  {
    name: 'lock forgotten with the round',
    mistake: 'line 11 begins each round without a lock',
    patches: [
      patch(
        TRANSITION,
        "    round: asRound(round),\n    step: 'propose',\n",
        "    round: asRound(round),\n    step: 'propose',\n    lockedRound: NO_ROUND,\n    lockedValue: null,\n",
      ),
    ],
  },
  {
    name: 'validRound without proof',
    mistake: 'line 28 believes the proposer that there was a polka',
    patches: [
      patch(
        CORE,
        'polka === undefined ||\n    !hasQuorumFor(polka, core.config.set, proposal.blockHash) ||\n    verdict === undefined',
        'verdict === undefined',
      ),
    ],
  },
  {
    name: 'value built for a round already left',
    mistake: 'what getValue() returns late is proposed in the round that has begun meanwhile',
    patches: [
      patch(
        TRANSITION,
        "if (state.round !== event.round || state.step !== 'propose' || state.validValue !== null)",
        "if (state.step !== 'propose' || state.validValue !== null)",
      ),
      patch(
        TRANSITION,
        "  return take(state, 'L19 propose new value', {\n    kind: 'propose',\n    round: asRound(event.round),",
        "  return take(state, 'L19 propose new value', {\n    kind: 'propose',\n    round: asRound(state.round),",
      ),
    ],
  },
  {
    name: 'valid value not proposed again',
    mistake: 'lines 15-16 are missing: the proposer always asks for a new value',
    patches: [
      patch(TRANSITION, '  if (state.validValue !== null)\n', '  if (round < 0)\n'),
      patch(
        TRANSITION,
        "|| state.step !== 'propose' || state.validValue !== null)",
        "|| state.step !== 'propose')",
      ),
    ],
  },
  {
    name: 'valid value not kept after a late polka',
    mistake: 'line 42 is missing once this node has precommitted nil',
    patches: [
      patch(
        TRANSITION,
        "(state.step !== 'prevote' && state.step !== 'precommit') ||",
        "state.step !== 'prevote' ||",
      ),
    ],
  },
  {
    name: 'nil polka ignored',
    mistake: 'line 44 is missing',
    patches: [
      patch(
        CORE,
        "if (hasQuorumFor(prevotes, set, null) && (yield* apply(core, { kind: 'polkaNil' }, nowMs))) return true;",
        '',
      ),
    ],
  },
  {
    name: 'no timeout after precommits',
    mistake: 'line 47 is missing: a round without a decision never ends',
    patches: [patch(CORE, "return yield* apply(core, { kind: 'precommitAny' }, nowMs);", 'return false;')],
  },
  {
    name: 'no timeout after prevotes',
    mistake: 'line 34 is missing: a split vote never ends',
    patches: [
      patch(
        CORE,
        "return hasQuorumOfAny(prevotes, set) && (yield* apply(core, { kind: 'polkaAny' }, nowMs));",
        'return false;',
      ),
    ],
  },
  {
    name: 'timeout of prevotes at one third',
    mistake: 'line 34 does not wait for two thirds of the power to speak',
    patches: [
      patch(
        CORE,
        'return hasQuorumOfAny(prevotes, set) &&',
        'return isMinority(prevotes.powerOfAll, set.totalPower) &&',
      ),
    ],
  },
  {
    name: 'timeout of precommits at one third',
    mistake: 'line 47 does not wait for two thirds of the power to speak',
    patches: [
      patch(
        CORE,
        '!hasQuorumOfAny(precommits, core.config.set)) return false;',
        '!isMinority(precommits.powerOfAll, core.config.set.totalPower)) return false;',
      ),
    ],
  },
  {
    name: 'no skip to a later round',
    mistake: 'line 55 is missing: a node that is behind goes round by round',
    patches: [patch(CORE, '      (yield* ruleSkip(core, nowMs));', '      false;')],
  },
  {
    name: 'polka of another round',
    mistake: 'line 36 takes prevotes of the round before',
    patches: [
      patch(
        CORE,
        "  const round = roundOf(core);\n  const prevotes = votesOf(core.votes, round, 'prevote');\n  if (prevotes === undefined) return false;\n  const { set }",
        "  const round = roundOf(core);\n  const prevotes = votesOf(core.votes, asRound(Math.max(0, round - 1)), 'prevote');\n  if (prevotes === undefined) return false;\n  const { set }",
      ),
    ],
  },
  {
    name: 'timeout not growing with the round',
    mistake: 'timeouts never outgrow a slow network',
    patches: [patch(PARAMETERS, 'base + round * parameters.timeoutDeltaMs', 'base')],
  },
  {
    name: 'no heartbeat',
    mistake: 'without transactions only rounds that time out make blocks',
    patches: [
      patch(
        PACING,
        'const heartbeatAt = Math.min(pacing.parentTimestampMs, pacing.startMs) + parameters.heartbeatMs;',
        'const heartbeatAt = pacing.startMs + 1e9;',
      ),
    ],
  },
  // ---------------------------------------------------------------- validity
  {
    name: 'validity that looks at the current round',
    mistake: 'a value that is proposed again must be of the round it is proposed in',
    patches: [
      patch(
        CORE,
        "const acceptable = verdict.answer === 'valid';",
        "const acceptable = verdict.answer === 'valid' && verdict.originRound === round;",
      ),
    ],
  },
  {
    name: 'unknown treated as invalid',
    mistake: 'a block that cannot be judged yet is refused for ever',
    patches: [
      patch(
        BLOCKS,
        "      case 'unknown':\n        return false;",
        "      case 'unknown':\n        entry.settled = true;\n        parts.onVerdict(blockHash, { answer: 'invalid', code: 'UNKNOWN' }, bytes);\n        return false;",
      ),
    ],
  },
  {
    name: 'prevotes of a third do not count',
    mistake: 'a valid block of another round is kept from the core although others have prevoted it',
    patches: [
      patch(
        HEIGHT,
        '    if (isMinority(powerFor(prevote, blockHash), totalPower)) return true;',
        '    if (isMinority(powerFor(prevote, blockHash), totalPower * 4n)) return true;',
      ),
    ],
  },
  {
    name: 'liar asked first again',
    mistake:
      'a peer that served something else for a block keeps its place among those that are asked for it',
    patches: [
      patch(
        BLOCKS,
        '[...order.filter((peer) => !isLiar(peer)), ...order.filter(isLiar)].slice(',
        'order.slice(',
      ),
    ],
  },
  {
    name: 'invalid block prevoted',
    mistake: 'the verdict on a fresh block is not looked at',
    patches: [
      patch(
        CORE,
        "    verdict.answer === 'valid' &&\n    received.timely &&\n    verdict.originRound === received.proposal.round &&\n    verdict.timestampMs === received.proposal.timestampMs",
        '    received.timely && verdict !== undefined',
      ),
    ],
  },
  {
    name: 'old block taken for a fresh one',
    mistake: 'a fresh proposal need not carry a block of its own round',
    patches: [patch(CORE, '    verdict.originRound === received.proposal.round &&\n', '')],
  },
  {
    name: 'time stamps not judged',
    mistake: 'a proposal from the future is timely',
    patches: [
      patch(
        PARAMETERS,
        'return arrivalMs >= earliest && arrivalMs <= latest;',
        'return earliest <= latest || arrivalMs < 0;',
      ),
    ],
  },
  {
    name: 'time may run back',
    mistake: 'a proposer with a slow clock stamps its block earlier than the parent',
    patches: [
      patch(
        CORE,
        'const timestampMs = Math.max(nowMs, core.config.parentTimestampMs);',
        'const timestampMs = nowMs;',
      ),
    ],
  },
  // ---------------------------------------------------------------- quorums and sets
  {
    name: 'quorum of two thirds',
    mistake: 'two thirds of the power are taken for more than two thirds',
    patches: [patch(SET, '3n * power > 2n * totalPower', '3n * power >= 2n * totalPower')],
  },
  {
    name: 'quorum of half the power',
    mistake: 'half of the power is taken for a quorum',
    patches: [patch(SET, '3n * power > 2n * totalPower', '2n * power > totalPower')],
  },
  {
    name: 'quorum counted in heads',
    mistake: 'every vote weighs the same, whatever its power',
    patches: [
      {
        file: 'consensus/votes/round-votes.ts',
        find: 'const power = set.validators[index]!.power;',
        replace: 'const power = set.totalPower / BigInt(set.validators.length);',
      },
    ],
  },
  {
    name: 'equivocator counted twice',
    mistake: 'the second vote of a validator adds to the sum over all votes',
    patches: [
      patch(
        'consensus/votes/round-votes.ts',
        '  earlier.push(vote);\n  votes.powerOf.set(choice, tally + power);',
        '  earlier.push(vote);\n  for (const one of votes.powerOf.keys()) votes.powerOf.set(one, votes.powerOf.get(one)! + power);\n  votes.powerOf.set(choice, tally + power);',
      ),
    ],
  },
  {
    name: 'power of a certificate not counted',
    mistake: 'a certificate is believed whatever its bitmap says',
    patches: [
      patch(
        'consensus/certificate.ts',
        "  if (!isQuorum(powerOfBitmap(set, certificate.bitmap), set.totalPower)) return 'NO_QUORUM';\n",
        '',
      ),
    ],
  },
  {
    name: 'rotation ignores power',
    mistake: 'every validator proposes equally often',
    patches: [
      patch(
        'consensus/validator-set/rotation.ts',
        'priorities[i] = priorities[i]! + set.validators[i]!.power;',
        'priorities[i] = priorities[i]! + set.totalPower / BigInt(set.validators.length);',
      ),
    ],
  },
  {
    name: 'proposal out of turn',
    mistake: 'a proposal is taken from whoever signs it',
    patches: [
      patch(
        CORE,
        'return proposerAt(core.config.set, proposal.round).address === proposal.proposer;',
        'return true;',
      ),
      patch(
        CORE,
        'core.config.self !== undefined && proposerAt(core.config.set, round).address === core.config.self;',
        'core.config.self !== undefined && proposerAt(core.config.set, asRound(round + 1)).address === core.config.self;',
      ),
    ],
  },
  // ---------------------------------------------------------------- signing safety and the log
  {
    name: 'no last-signed record',
    mistake: 'the record is kept in memory only',
    patches: [patch(SIGNING, '      storage.replaceFile(LAST_SIGNED_FILE, encodeLastSigned(next));\n', '')],
  },
  {
    name: 'off by one in the double-sign check',
    mistake: 'another message may be signed at the very place of the last one',
    patches: [
      patch(
        LAST_SIGNED,
        "if (order > 0) return { decision: 'sign' };",
        "if (order >= 0) return { decision: 'sign' };",
      ),
    ],
  },
  {
    name: 'double-sign check by height alone',
    mistake: 'within a height anything may be signed again',
    patches: [
      patch(
        LAST_SIGNED,
        'const order = next.height - last.height || next.round - last.round || next.step - last.step;',
        'const order = next.height - last.height || 1;',
      ),
    ],
  },
  {
    name: 'log not synced before a vote',
    mistake: 'what led to a vote may be lost when the vote is out',
    patches: [
      {
        file: HEIGHT,
        find: '    wal.sync();\n',
        replace: '',
        everywhere: true,
      },
    ],
  },
  {
    name: 'block not logged before a vote',
    mistake: 'the bytes of a block that is locked are not in the log',
    patches: [
      patch(HEIGHT, "      if (verdict.answer === 'valid') log({ kind: 'block', blockHash, bytes });\n", ''),
    ],
  },
  {
    name: 'verdicts not logged',
    mistake: 'one kind of input is left out of the log',
    patches: [
      patch(
        HEIGHT,
        "if (replay === undefined && logging) wal.append({ kind: 'input', input });",
        "if (replay === undefined && logging && input.kind !== 'checked') wal.append({ kind: 'input', input });",
      ),
    ],
  },
  {
    name: 'own log not believed',
    mistake: 'a height is joined afresh after a restart, as if nothing had been signed in it',
    patches: [
      patch(
        HEIGHT,
        'if (parts.resumed === undefined || !hasStart) {',
        'if (parts.resumed === undefined || !hasStart || parts.resumed.length > 0) {',
      ),
      patch(
        LAST_SIGNED,
        "if (order > 0) return { decision: 'sign' };",
        "if (order !== 0) return { decision: 'sign' };",
      ),
    ],
  },
  {
    name: 'torn end not cut off',
    mistake: 'new records are written behind half of one',
    patches: [patch('node/validator/wal.ts', '    file.truncate(scan.validBytes);\n', '')],
  },
  {
    name: 'damage taken for a torn end',
    mistake: 'whatever cannot be read ends the log, and what follows is thrown away',
    patches: [
      patch(
        FRAME,
        "      if (laterRecord(file, view, at + 1)) return { result: 'damaged', frames, offset: at, problem };\n",
        '',
      ),
    ],
  },
  {
    name: 'checksum of the record not looked at',
    mistake: 'a damaged last-signed record is believed',
    patches: [
      patch(
        LAST_SIGNED,
        '    bytes.length < 5 ||\n    crc32c(bytes, 0, bytes.length - 4) !== reader(bytes.subarray(bytes.length - 4)).u32()',
        '    bytes.length < 5',
      ),
    ],
  },
  {
    name: 'failed write ignored',
    mistake: 'a full disk is no reason to stop',
    patches: [
      patch(
        HEIGHT,
        "        if (replay === undefined && logging) wal.append({ kind: 'input', input });",
        "        try {\n          if (replay === undefined && logging) wal.append({ kind: 'input', input });\n        } catch {}",
      ),
    ],
  },
  {
    name: 'lost log not noticed',
    mistake: 'a node whose log was lost goes on voting in the height in which it has signed',
    patches: [
      patch(
        HEIGHT,
        'if (messages.some((message) => equalBytes(message, last.message))) return;',
        'if (messages.length >= 0) return;',
      ),
    ],
  },
  // ---------------------------------------------------------------- the shell
  {
    name: 'votes not verified',
    mistake: 'the signature of a vote is not checked',
    patches: [
      patch(
        'node/validator/vote-batch.ts',
        'if (bls.verifyEach(message, keys, signatures)) return group;',
        'if (keys.length >= 0) return group;',
      ),
    ],
  },
  {
    name: "stranger with a member's signature",
    mistake: 'a vote in the name of nobody in the set is checked with the key of the first member',
    patches: [
      patch(
        VALIDATOR,
        "return findValidator(set, vote.validator)?.blsPublicKey ?? 'reject';",
        'return findValidator(set, vote.validator)?.blsPublicKey ?? set.validators[0]!.blsPublicKey;',
      ),
    ],
  },
  {
    name: 'certificates not verified',
    mistake: 'a block from a peer is committed with whatever certificate it came',
    patches: [
      patch(
        CATCH_UP,
        '    if (problem !== undefined) {\n',
        '    if (problem === undefined && head.height < 0) {\n',
      ),
    ],
  },
  {
    name: 'commit while consensus runs',
    mistake: 'catching up does not wait for the commit that is under way',
    patches: [
      patch(
        VALIDATOR,
        '      while (committing !== undefined) await committing;\n      if (state',
        '      if (state',
      ),
    ],
  },
  {
    name: 'votes of the next height refused',
    mistake: 'whoever is a block ahead is taken for a liar',
    patches: [
      patch(
        VALIDATOR,
        "    } else return 'ignore';\n    return findValidator",
        "    } else return 'reject';\n    return findValidator",
      ),
    ],
  },
  {
    name: 'votes of a member to come refused',
    mistake: 'early votes of the next height are judged by the set of this one',
    patches: [
      patch(VALIDATOR, '      set = app.head().nextValidators;\n', '      set = run.core.config.set;\n'),
    ],
  },
  {
    name: 'liars believed again at once',
    mistake: 'a peer that claims blocks and serves none is believed again at its next claim',
    patches: [patch(CATCH_UP, 'if (stopped || isDoubted(peer)) return;', 'if (stopped) return;')],
  },
  {
    name: 'repeated vote taken for a second one',
    mistake: 'the same vote twice is evidence',
    patches: [
      patch(
        'consensus/votes/round-votes.ts',
        "  if (earlier.some((known) => known.blockHash === vote.blockHash)) return { result: 'duplicate' };\n",
        '',
      ),
      patch(VALIDATOR, '  if (known.some((one) => one.blockHash === vote.blockHash)) return false;\n', ''),
    ],
  },
  {
    name: 'contradicting votes not reported',
    mistake: 'two votes of one key in one place are noticed, and nobody is told',
    patches: [
      patch(
        CORE,
        "  if (added.result === 'conflict')\n    yield*",
        "  if (added.result === 'conflict' && vote.round < 0)\n    yield*",
      ),
    ],
  },
  {
    name: 'contradicting proposals not reported',
    mistake: 'two proposals of one key in one round are noticed, and nobody is told',
    patches: [
      patch(
        CORE,
        'if (known[0] !== undefined && !sameContent(known[0].proposal, proposal))\n    yield*',
        'if (known[0] !== undefined && proposal.round < 0)\n    yield*',
      ),
    ],
  },
  {
    name: 'signature of a proposal not checked',
    mistake: 'a proposal is taken in the name of whose turn it is, whoever has signed it',
    patches: [
      patch(
        VALIDATOR,
        "    if (!env.bls.verify(proposalSignBytes(genesisHash, proposal), key, proposal.signature))\n      return refuse(from, 'BAD_SIGNATURE');\n",
        '',
      ),
    ],
  },
  {
    name: 'domain without the chain',
    mistake: 'signed bytes do not hold the genesis hash, so that a vote of one chain counts in another',
    patches: [
      patch(
        'consensus/sign-bytes.ts',
        '    .bytes(tag)\n    .hex(genesisHash, HASH_BYTES);',
        '    .bytes(tag)\n    .hex(ZERO_HASH, HASH_BYTES);',
      ),
    ],
  },
  {
    name: 'nil before the answer',
    mistake: 'a block that cannot be judged yet gets nil at once, not at the timeout',
    patches: [
      patch(
        CORE,
        "if (acceptable === undefined) return false;\n    return yield* apply(core, { kind: 'proposal', blockHash: proposal.blockHash, acceptable }",
        "return yield* apply(core, { kind: 'proposal', blockHash: proposal.blockHash, acceptable: acceptable ?? false }",
      ),
    ],
  },
  {
    name: 'waiting room without a bound for votes',
    mistake: 'votes of the next height wait, however many one key sends',
    patches: [
      patch(VALIDATOR, '    return own < LIMITS.maxFutureVotesPerValidator;', '    return own >= 0;'),
    ],
  },
  {
    name: 'waiting room without a bound for proposals',
    mistake: 'proposals of the next height wait with their blocks, however many one key sends',
    patches: [patch(VALIDATOR, '      ofRound.length < CONSENSUS_LIMITS.maxProposalsPerRound &&\n', '')],
  },
  {
    name: 'nobody asks for what is missing',
    mistake: 'there is no anti-entropy: what gossip lost stays lost',
    patches: [
      patch(
        VALIDATOR,
        "    const bytes = await net.request(peer, 'status', encodeStatus(status));",
        "    const bytes = height > 1 ? undefined : await net.request(peer, 'status', encodeStatus(status));",
      ),
    ],
  },
];
