import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attestationSignBytes } from '../../../consensus/sign-bytes.ts';
import type { Hash } from '../../../consensus/types.ts';
import { createConsensusKey } from '../../../node/keys/consensus-key.ts';
import { ATTESTED_FILE, openAttestingGuard } from '../../../node/validator/attesting.ts';
import { createBlstSigner, createBlstVerifier } from '../../../node/validator/bls.ts';
import { createFileStorage } from '../../../node/validator/file-storage.ts';
import { LIMITS } from '../../../node/validator/limits.ts';
import type { Storage } from '../../../node/validator/ports.ts';

const hash = (byte: number): Hash => `0x${byte.toString(16).padStart(2, '0').repeat(32)}`;
const genesisHash = hash(0x9e);
const key = createConsensusKey();
const signer = createBlstSigner(`0x${'0a'.repeat(20)}`, key.secretKey);

let dir: string;
let logged: string[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'attesting-'));
  logged = [];
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const open = (storage: Storage = createFileStorage(dir)) =>
  openAttestingGuard({ storage, signer, genesisHash, log: (_, message) => logged.push(message) });
const file = () => join(dir, ATTESTED_FILE);

describe('the guard of attestations', () => {
  it('A9: signs subject and root for this chain, and the same again', () => {
    const guard = open();
    const signature = guard.sign(hash(1), hash(2)) as Uint8Array;
    const message = attestationSignBytes(genesisHash, hash(1), hash(2));
    expect(createBlstVerifier().verify(message, key.publicKey, signature)).toBe(true);
    expect(guard.sign(hash(1), hash(2))).toEqual(signature);
    expect(statSync(file()).size).toBe(68);
  });

  it('never signs another root for the subject, also after a restart', () => {
    const before = open();
    before.sign(hash(1), hash(2));
    expect(before.sign(hash(1), hash(3))).toBeNull();
    before.close();
    const after = open();
    expect(after.sign(hash(1), hash(3))).toBeNull();
    expect(after.sign(hash(1), hash(2))).not.toBeNull();
    expect(after.sign(hash(4), hash(3))).not.toBeNull();
    expect(logged.filter((message) => message.includes('another root'))).toHaveLength(2);
  });

  it('has the record on the disk before the signature exists', () => {
    const real = createFileStorage(dir);
    const order: string[] = [];
    const storage: Storage = {
      ...real,
      openAppend(name) {
        const inner = real.openAppend(name);
        return {
          ...inner,
          append(bytes) {
            order.push('append');
            inner.append(bytes);
          },
          fsync() {
            order.push('fsync');
            inner.fsync();
          },
        };
      },
    };
    const guard = openAttestingGuard({
      storage,
      signer: {
        ...signer,
        sign(message) {
          order.push('sign');
          return signer.sign(message);
        },
      },
      genesisHash,
      log: () => {},
    });
    guard.sign(hash(1), hash(2));
    expect(order).toEqual(['append', 'fsync', 'sign']);
  });

  it('signs nothing if the disk refuses the record, and nothing once it is closed', () => {
    const real = createFileStorage(dir);
    const full: Storage = {
      ...real,
      openAppend: (name) => ({
        ...real.openAppend(name),
        fsync() {
          throw new Error('ENOSPC');
        },
      }),
    };
    expect(() => open(full).sign(hash(1), hash(2))).toThrow(/ENOSPC/);
    const guard = open();
    guard.close();
    expect(guard.sign(hash(5), hash(2))).toBeNull();
  });

  it('cuts off a record that a crash left half written, and stops at one that is damaged', () => {
    const guard = open();
    guard.sign(hash(1), hash(2));
    guard.close();
    const whole = readFileSync(file());
    writeFileSync(file(), Buffer.concat([whole, whole.subarray(0, 30)]));
    const again = open();
    expect(again.sign(hash(1), hash(3))).toBeNull();
    again.close();
    expect(statSync(file()).size).toBe(68);
    const damaged = Buffer.from(whole);
    damaged[40]! ^= 1;
    writeFileSync(file(), damaged);
    expect(() => open()).toThrow(/damaged at byte 0/);
  });

  it('forgets the older half when it has grown far beyond what can be open', () => {
    const guard = open();
    const number = (i: number): Hash => `0x${i.toString(16).padStart(64, '0')}`;
    guard.sign(number(1), hash(2));
    guard.close();
    const one = readFileSync(file());
    const latest = open();
    latest.sign(number(2), hash(2));
    latest.close();
    const last = readFileSync(file()).subarray(68);
    writeFileSync(
      file(),
      Buffer.concat([...Array.from({ length: LIMITS.attestedRecords }, () => one), last]),
    );
    const shortened = open();
    expect(statSync(file()).size).toBe((68 * LIMITS.attestedRecords) / 2);
    expect(shortened.sign(number(2), hash(3))).toBeNull();
    shortened.close();
  });
});
