/**
 * Proof that a validator signed two things in one step. This version's rules have no transaction that carries it
 * (type 0x7d is invalid), so each offence is told to the operator once and kept in a file, from which it can be
 * submitted when the rules take it.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { decodeEvidence } from '../../consensus/codec.ts';
import { keccakHex, toHex } from '../../state/crypto.ts';
import type { Log } from '../log.ts';
import { LIMITS } from './limits.ts';

export interface EvidenceFile {
  /** Takes the encoding of consensus/codec.ts. Known offences and those beyond the limit are dropped. */
  add(evidence: Uint8Array): void;
}

export function createEvidenceFile(path: string, log: Log): EvidenceFile {
  const known = new Set<string>();
  if (existsSync(path))
    for (const line of readFileSync(path, 'utf8').split('\n')) if (line !== '') known.add(line.slice(0, 66));
  return {
    add(evidence) {
      const id = keccakHex(evidence);
      if (known.has(id) || known.size >= LIMITS.evidence) return;
      known.add(id);
      const { first, kind } = decodeEvidence(evidence);
      const offender = 'validator' in first ? first.validator : first.proposer;
      appendFileSync(path, `${id} ${toHex(evidence)}\n`, { mode: 0o600 });
      log('error', 'a validator signed two different things in one step; the proof is kept', {
        validator: offender,
        height: first.height,
        round: first.round,
        kind,
        file: path,
      });
    },
  };
}
