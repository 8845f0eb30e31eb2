import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import { rolldown } from 'rolldown';
import { describe, expect, it } from 'vitest';
import { createCorpus } from '../../../../attribution/corpus/corpus.ts';
import { commitCorpus } from '../../../../attribution/proofs/commit-corpus.ts';
import { proveCredits } from '../../../../attribution/proofs/credits-proof.ts';
import { provePhrase } from '../../../../attribution/proofs/phrase-proof.ts';
import { DEFAULT_TOKEN_ATTRIBUTION_PARAMS } from '../../../../attribution/token/types.ts';
import { address, recordsOf, utf8 } from '../builders.ts';
import { phraseOf } from './corpora.ts';

/** The verifier as one script, run where there is nothing but the language. */
async function bareVerifier(): Promise<{ code: string; run: (expression: string) => unknown }> {
  const build = await rolldown({
    input: fileURLToPath(new URL('../../../../attribution/proofs/verifier.ts', import.meta.url)),
    platform: 'browser',
    tsconfig: false,
  });
  const { output } = await build.generate({ format: 'iife', name: 'verifier' });
  await build.close();
  const { code } = output[0];
  const context = {};
  runInNewContext(code, context);
  return { code, run: (expression) => runInNewContext(`JSON.stringify(${expression})`, context) };
}

const bytesIn = (bytes: Uint8Array) => `Uint8Array.from([${bytes.join()}])`;

describe('the verifier in a browser', () => {
  it('needs nothing of Node, and says the same', async () => {
    const records = recordsOf([
      { text: 'the quick brown fox jumps', by: 1 },
      { text: 'over the lazy dog', by: 2 },
    ]);
    const index = commitCorpus(createCorpus(records));
    const { code, run } = await bareVerifier();
    expect(code).not.toMatch(/^\s*import\b|\brequire\(/m);

    const phrase = provePhrase(index, phraseOf('quick brown fox'));
    const statement = run(`verifier.verifyPhraseProof(${bytesIn(index.root)}, ${bytesIn(phrase.bytes)})`);
    expect(JSON.parse(String(statement))).toMatchObject({
      kind: 'occurs',
      count: 1,
      first: { contributor: address(1) },
    });

    const inputs = {
      requestHash: `0x${'11'.repeat(32)}`,
      commons: [],
      ineligible: [],
      params: { ...DEFAULT_TOKEN_ATTRIBUTION_PARAMS, sminQ16: 0, recordCapPermille: 1000 },
    };
    const [output, prompt] = [utf8('A quick brown fox jumps over the lazy dog'), utf8('')];
    const credits = proveCredits(index, { ...inputs, output, prompt });
    const text = `{ ...${JSON.stringify(inputs)}, output: ${bytesIn(output)}, prompt: ${bytesIn(prompt)} }`;
    const proven = run(
      `verifier.verifyCreditsProof(${bytesIn(index.root)}, ${text}, ${bytesIn(credits.bytes)})`,
    );
    expect(JSON.parse(String(proven))).toMatchObject({
      recordHash: credits.recordHash,
      record: credits.record,
    });

    credits.bytes[credits.bytes.length - 1]! ^= 1;
    expect(() =>
      run(`verifier.verifyCreditsProof(${bytesIn(index.root)}, ${text}, ${bytesIn(credits.bytes)})`),
    ).toThrow(/does not hold/);
  });
});
