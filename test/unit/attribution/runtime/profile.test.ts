import { describe, expect, it } from 'vitest';
import {
  checkModel,
  encodeProfile,
  type ModelProfile,
  profileHash,
} from '../../../../attribution/runtime/api.ts';
import { floatMlp, integerMlp } from '../../../support/models.ts';

describe('the canonical bytes of a profile', () => {
  it('are frozen', () => {
    expect(profileHash(checkModel(floatMlp().bytes))).toBe(
      '0xef7027063481365bc488883b5816168d30b80c1622b2cf47fe731641f6153aef',
    );
    expect(profileHash(checkModel(integerMlp().bytes))).toBe(
      '0xf4fcf40af544fc73dc26fa54095329c89cec8b985b40eeaa3fbfd45d1a835c81',
    );
  });

  it('change with every field', () => {
    const profile = checkModel(integerMlp().bytes);
    const [x] = profile.inputs;
    const changes: Partial<ModelProfile>[] = [
      { modelHash: `0x${'00'.repeat(32)}` },
      { modelBytes: 1 },
      { irVersion: 9 },
      { opset: 18 },
      { modelClass: 'float' },
      { parameters: 2 ** 40 },
      { peakBytes: 2 ** 40 },
      { operations: 2 ** 40 },
      { operators: profile.operators.slice(1) },
      { inputs: [{ ...x!, name: 'z' }] },
      { inputs: [{ ...x!, type: 'int8' }] },
      { inputs: [{ ...x!, shape: [256] }] },
      { inputs: [] },
      { outputs: [...profile.outputs].reverse() },
      { dimensions: [{ name: 'batch', size: 1 }] },
    ];
    const hashes = new Set(
      [profile, ...changes.map((change) => ({ ...profile, ...change }))].map(profileHash),
    );
    expect(hashes.size).toBe(changes.length + 1);
  });

  it('begin with the version, the hash and the size of the file', () => {
    const profile = checkModel(floatMlp().bytes);
    const bytes = Buffer.from(encodeProfile(profile));
    expect(bytes[0]).toBe(1);
    expect(`0x${bytes.subarray(1, 33).toString('hex')}`).toBe(profile.modelHash);
    expect(bytes.readUInt32BE(33)).toBe(profile.modelBytes);
  });
});
