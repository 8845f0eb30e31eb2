import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeTrainingSpec } from '../../../attribution/trained/api.ts';
import { readTrainingFile } from '../../../node/cli/training-file.ts';
import { graphSettings, tanhLayer } from '../../support/graph-features.ts';
import { SIDES, SIDES_ADAPTER } from '../state/modules/trained-story.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ol-settings-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

function settings(content: unknown): string {
  const path = join(dir, 'settings.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

describe('training settings in a file', () => {
  it('become the bytes that the chain stores; a seed is hex', () => {
    const { kind, bytes } = readTrainingFile(settings(SIDES));
    expect(kind).toBe('base');
    expect(decodeTrainingSpec(bytes)).toEqual(SIDES);
    const { trainsHead: _, ...training } = SIDES_ADAPTER.training as { trainsHead: number };
    const adapter = readTrainingFile(
      settings({ ...SIDES_ADAPTER, training: { ...training, seed: '0x61646170746572' } }),
    );
    expect(adapter.kind).toBe('adapter');
    expect(decodeTrainingSpec(adapter.bytes)).toEqual(SIDES_ADAPTER);
  });

  it('take what a graph says for itself, and nothing against it', () => {
    const file = tanhLayer();
    const {
      kind: _,
      divisorExponent: __,
      inputExponent: ___,
      ...graph
    } = graphSettings(file, {
      width: 4,
      inputWidth: 2,
    });
    const onGraph = { ...SIDES, features: { kind: 'onnx', inputExponent: 3 } };
    expect(decodeTrainingSpec(readTrainingFile(settings(onGraph), graph).bytes).features).toEqual(
      graphSettings(file, { width: 4, inputWidth: 2 }),
    );
    const refused = (content: unknown, reason: RegExp) =>
      expect(() => readTrainingFile(settings(content), graph)).toThrow(
        expect.objectContaining({ code: 'INVALID_SETTINGS', message: expect.stringMatching(reason) }),
      );
    refused(SIDES, /goes with features of kind onnx/);
    refused({ ...SIDES, features: { kind: 'onnx', width: 5 } }, /width is 5, of the graph it is 4/);
    refused({ ...SIDES, features: { kind: 'onnx', shape: 5 } }, /names that mean nothing/);
    refused({ ...SIDES, features: { kind: 'onnx', inputExponent: 31 } }, /inputExponent/);
    // Without the file all of them are needed.
    expect(() => readTrainingFile(settings(onGraph))).toThrow(/no training spec/);
  });

  it('are refused with what is wrong and where', () => {
    for (const [content, reason] of [
      ['{', /this is no JSON/],
      ['null', /features, classes, training and metric/],
      [{ ...SIDES, classes: ['one'] }, /number of classes/],
      [{ ...SIDES, classes: 'left' }, /settings/],
      [{ ...SIDES, passes: 3 }, /names that mean nothing/],
      [{ ...SIDES, training: { ...SIDES.training, l2Micro: 0.5 } }, /l2Micro/],
      [{ ...SIDES_ADAPTER, training: { ...SIDES_ADAPTER.training, seed: 'abc' } }, /training\.seed/],
    ] as const)
      expect(() => readTrainingFile(settings(content))).toThrow(
        expect.objectContaining({ code: 'INVALID_SETTINGS', message: expect.stringMatching(reason) }),
      );
    expect(() => readTrainingFile(join(dir, 'nowhere'))).toThrow(
      expect.objectContaining({ code: 'FILE_UNREADABLE' }),
    );
  });
});
