/**
 * Proof that a validator signed two things in one step. Each offence (by offender and height) is told to the operator once, kept in a file so
 * that a restart does not lose it, and offered to every block that this node proposes until one has taken it or the
 * rules refuse it.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { decodeEvidence } from '../../consensus/codec.ts';
import { heightOfEvidence, offenderOf } from '../../consensus/evidence.ts';
import type { Evidence } from '../../consensus/types.ts';
import { fromHex, keccakHex, toHex } from '../../state/crypto.ts';
import { encodeSystem, SYSTEM_TYPE } from '../../state/transactions/system.ts';
import type { Hex } from '../../state/types.ts';
import type { Log } from '../log.ts';
import { LIMITS } from './limits.ts';

export interface EvidenceFile {
  /** Takes the encoding of consensus/codec.ts. Known offences and those beyond the limit are dropped. */
  add(evidence: Uint8Array): void;
  /** System transactions that no block has taken yet. */
  pending(): Uint8Array[];
  /** By transaction hash: it is in a block, or can never be. */
  settle(hash: Hex): void;
  /** The same for all transactions of a committed block. */
  onCommitted(transactions: readonly Uint8Array[]): void;
}

export function createEvidenceFile(path: string, log: Log): EvidenceFile {
  /** By offender and height: the chain punishes that once, however often the offender contradicted itself. */
  const known = new Set<string>();
  const waiting = new Map<Hex, Uint8Array>();
  const offer = (evidence: Uint8Array): void => {
    const raw = encodeSystem(evidence);
    waiting.set(keccakHex(raw), raw);
  };
  const remember = (offence: string): void => {
    known.add(offence);
    for (const oldest of known) {
      if (known.size <= LIMITS.knownOffences) break;
      known.delete(oldest);
    }
  };
  if (existsSync(path))
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      // A line that a crash cut short is of no use: the offence will be seen again or was not recorded.
      if (!/^0x[0-9a-f]{64} 0x(?:[0-9a-f]{2})+$/.test(line)) continue;
      const evidence = fromHex(line.slice(67));
      remember(offenceOf(decodeEvidence(evidence)));
      offer(evidence);
    }
  return {
    pending: () => [...waiting.values()],
    settle: (hash) => void waiting.delete(hash),
    onCommitted(transactions) {
      if (waiting.size === 0) return;
      for (const raw of transactions) if (raw[0] === SYSTEM_TYPE) waiting.delete(keccakHex(raw));
    },
    add(evidence) {
      const proof = decodeEvidence(evidence);
      const { first, kind } = proof;
      const offence = offenceOf(proof);
      if (known.has(offence) || waiting.size >= LIMITS.evidence) return;
      remember(offence);
      offer(evidence);
      appendFileSync(path, `${keccakHex(evidence)} ${toHex(evidence)}\n`, { mode: 0o600 });
      log('error', 'a validator signed two different things in one step; the proof goes into a block', {
        validator: offenderOf(proof),
        height: first.height,
        round: first.round,
        kind,
        file: path,
      });
    },
  };
}

function offenceOf(evidence: Evidence): string {
  return `${offenderOf(evidence)} ${heightOfEvidence(evidence)}`;
}
