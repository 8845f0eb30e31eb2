import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyAttestedRoot } from '../../../attribution/proofs/verifier.ts';
import { createOutput } from '../../../node/cli/output.ts';
import { verifyProofFile } from '../../../node/cli/proof-file.ts';
import { runCommandLine } from '../../../node/cli/run.ts';
import { fromHex, toHex } from '../../../state/crypto.ts';
import type { Hex } from '../../../state/types.ts';
import { accountAddress } from '../state/support.ts';
import { ANNA, ANNAS_TEXT, type Told, tell } from './story.ts';
import { rpcCall } from './support.ts';
import { openTestNode, type TestNode } from './test-node.ts';

let node: TestNode;
let told: Told;
let folder: string;
beforeAll(async () => {
  node = await openTestNode();
  told = await tell(node);
  folder = mkdtempSync(join(tmpdir(), 'proofs-'));
});
afterAll(async () => {
  await node?.close();
  rmSync(folder, { recursive: true, force: true });
});

const prove = (question: object) => rpcCall(node.url, 'ol_getAttributionProof', question);

/** Runs a command line as a person would; gives its exit code and what it printed. */
async function openledger(...args: string[]): Promise<{ code: number; printed: string; noted: string }> {
  let [printed, noted] = ['', ''];
  const code = await runCommandLine(args, {
    out: createOutput({
      write: (text) => {
        printed += text;
      },
      writeError: (text) => {
        noted += text;
      },
      colours: false,
    }),
    variables: { OPENLEDGER_RPC_URL: node.url },
    workingDirectory: folder,
    signal: new AbortController().signal,
    nowMs: () => 0,
  });
  return { code, printed, noted };
}

describe('ol_getAttributionProof', () => {
  it('proves that a phrase occurs in what a request pins, and who had it first', async () => {
    const text = ANNAS_TEXT.split(' ').slice(0, 5).join(' ');
    const answer = await prove({ requestId: told.requestId, text });
    expect(answer.statement).toMatchObject({ kind: 'occurs', first: { contributor: accountAddress(ANNA) } });
    expect(verifyProofFile(JSON.stringify(answer))).toMatchObject({ kind: 'phrase', root: answer.root });
    const bySnapshot = await prove({ snapshots: [{ dataNetId: told.dataNetId, length: 2 }], text });
    expect(bySnapshot).toEqual(answer);
    const byTokens = await prove({ requestId: told.requestId, tokens: answer.statement.phrase });
    expect(byTokens).toEqual(answer);
  });

  it('proves that a phrase does not occur', async () => {
    const answer = await prove({ requestId: told.requestId, text: 'never written by anybody' });
    expect(answer.statement.kind).toBe('absent');
    verifyProofFile(JSON.stringify(answer));
  });

  it('proves the credits that the chain paid by', async () => {
    const answer = await prove({ requestId: told.requestId });
    const verified = verifyProofFile(JSON.stringify(answer));
    const paid = await rpcCall(node.url, 'ol_attribution', told.requestId);
    expect(answer.recordHash).toBe(paid.recordHash);
    expect(verified.kind === 'credits' && verified.credits.recordHash).toBe(paid.recordHash);
  });

  it('says null for what is not there, and why a question is none', async () => {
    expect(await prove({ requestId: `0x${'00'.repeat(32)}` })).toBeNull();
    expect(await prove({ snapshots: [{ dataNetId: told.dataNetId, length: 3 }], text: 'a' })).toBeNull();
    expect(await prove({ snapshots: [{ dataNetId: 99, length: 1 }], text: 'a' })).toBeNull();
    const questions: object[] = [
      {},
      { text: 'a' },
      { requestId: told.requestId, snapshots: [], text: 'a' },
      { snapshots: [{ dataNetId: 1, length: 1 }] },
      { requestId: told.requestId, text: ' ' },
      { requestId: told.requestId, text: 'a', tokens: ['a'] },
      { requestId: told.requestId, tokens: ['two words'] },
      { requestId: told.requestId, tokens: [''] },
      { requestId: told.requestId, phrase: 'a' },
      { requestId: told.requestId, text: 'a '.repeat(5000) },
    ];
    for (const question of questions) await expect(prove(question)).rejects.toMatchObject({ code: -32602 });
  });

  it('passes on why a proof cannot be had now', async () => {
    const { attributionProof } = node.backend;
    node.backend.attributionProof = async () => {
      throw Object.assign(new Error('being prepared; ask again'), { code: 'PREPARING' });
    };
    await expect(prove({ requestId: told.requestId })).rejects.toMatchObject({
      code: -32000,
      message: 'being prepared; ask again',
    });
    node.backend.attributionProof = attributionProof;
  });
});

describe('openledger attribution', () => {
  it('writes a proof, checks it without a node, and computes the same root from the texts', async () => {
    expect(await openledger('attribution', 'prove', told.requestId, '--out', 'credits.json')).toMatchObject({
      code: 0,
    });
    const root = JSON.parse((await openledger('attribution', 'root', told.requestId, '--json')).printed);
    const check = await openledger('attribution', 'verify', 'credits.json', '--root', root.root);
    expect(check).toMatchObject({ code: 0, noted: '' });
    expect(check.printed).toContain('proven    attribution record 0x');
    expect((await openledger('attribution', 'verify', 'credits.json')).noted).toMatch(
      /is not checked; --attested checks/,
    );
    const other = await openledger('attribution', 'verify', 'credits.json', '--root', `0x${'11'.repeat(32)}`);
    expect(other).toMatchObject({ code: 1 });
  });

  it('proves a phrase of a snapshot, and refuses a file that says more than its proof', async () => {
    const snapshot = `${told.dataNetId}:2`;
    const text = ANNAS_TEXT.split(' ').slice(0, 4).join(' ');
    const { code, printed } = await openledger(
      'attribution',
      'prove',
      '--snapshot',
      snapshot,
      '--text',
      text,
    );
    expect(code).toBe(0);
    const file = JSON.parse(printed);
    for (const [name, change] of Object.entries({
      count: { statement: { ...file.statement, count: file.statement.count + 1 } },
      contributor: {
        statement: { ...file.statement, first: { ...file.statement.first, contributor: accountAddress(9) } },
      },
      kind: { kind: 'credits' },
      root: { root: `0x${'22'.repeat(32)}` },
      proof: { proof: `${file.proof}00` },
      format: { format: 'another' },
    })) {
      writeFileSync(join(folder, 'changed.json'), JSON.stringify({ ...file, ...change }));
      const { code: exit } = await openledger('attribution', 'verify', 'changed.json');
      expect(exit, name).not.toBe(0);
    }
    writeFileSync(join(folder, 'no.json'), 'no json');
    expect(await openledger('attribution', 'verify', 'no.json')).toMatchObject({ code: 2 });
    expect(await openledger('attribution', 'verify', 'missing.json')).toMatchObject({ code: 2 });
    expect(await openledger('attribution', 'prove')).toMatchObject({ code: 2 });
    expect(await openledger('attribution', 'root', '--snapshot', '1-2')).toMatchObject({ code: 2 });
  });
});

describe('a root that validators attested', () => {
  const proofOf = async () => {
    const { account, slot } = (await prove({ requestId: told.requestId })).attested;
    const block = await rpcCall(node.url, 'eth_getBlockByNumber', 'latest', false);
    const proof = await rpcCall(node.url, 'eth_getProof', account, [slot], block.number);
    const bytes = (nodes: Hex[]) => nodes.map((hex) => fromHex(hex));
    return {
      stateRoot: fromHex(block.stateRoot),
      accountProof: bytes(proof.accountProof),
      storageProof: bytes(proof.storageProof[0].proof),
    };
  };

  it('is proven absent before, and no proof claims that it is attested', async () => {
    const answer = await prove({ requestId: told.requestId });
    expect(answer.attested).toMatchObject({ status: 'open', root: null, refusal: null });
    const { stateRoot, ...proof } = await proofOf();
    expect(verifyAttestedRoot(stateRoot, answer.snapshots, proof)).toBeUndefined();
    await openledger('attribution', 'prove', told.requestId, '--out', 'early.json');
    const early = await openledger('attribution', 'verify', 'early.json', '--attested');
    expect(early).toMatchObject({ code: 1, printed: '' });
    expect(early.noted).toMatch(/NOT_ATTESTED/);
  });

  it('is proven by the state root of a block, to whoever asks for a proof', async () => {
    await node.attest();
    const answer = await prove({ requestId: told.requestId });
    expect(answer.attested).toMatchObject({ status: 'attested', root: answer.root, records: 3 });
    for (const [method, id] of [
      ['ol_model', told.modelId],
      ['ol_inference', told.requestId],
    ] as const)
      expect((await rpcCall(node.url, method, id)).attributionRoot).toEqual(answer.attested);

    const { stateRoot, ...proof } = await proofOf();
    expect(toHex(verifyAttestedRoot(stateRoot, answer.snapshots, proof)!)).toBe(answer.root);
    // Of other snapshots it says nothing.
    const others = [{ dataNetId: told.dataNetId, length: 1 }];
    expect(() => verifyAttestedRoot(stateRoot, others, proof)).not.toThrow(TypeError);
    expect(tried(() => verifyAttestedRoot(stateRoot, others, proof))).not.toBe(answer.root);
  });

  it('no changed bit of its proof is taken', async () => {
    const { snapshots, root } = await prove({ requestId: told.requestId });
    const { stateRoot, ...proof } = await proofOf();
    for (const path of ['accountProof', 'storageProof'] as const)
      proof[path].forEach((bytes, i) => {
        for (let bit = i; bit < 8 * bytes.length; bit += 5) {
          const changed = bytes.slice();
          changed[bit >> 3]! ^= 1 << (bit & 7);
          const nodes = proof[path].with(i, changed);
          expect(tried(() => verifyAttestedRoot(stateRoot, snapshots, { ...proof, [path]: nodes }))).toBe(
            'InvalidProof',
          );
        }
        for (const nodes of [proof[path].toSpliced(i, 1), [...proof[path], bytes]])
          expect(tried(() => verifyAttestedRoot(stateRoot, snapshots, { ...proof, [path]: nodes }))).toBe(
            'InvalidProof',
          );
      });
    expect(toHex(verifyAttestedRoot(stateRoot, snapshots, proof)!)).toBe(root);
  });

  it('is checked by attribution verify, against a state root that its user trusts', async () => {
    await openledger('attribution', 'prove', told.requestId, '--out', 'attested.json');
    const check = await openledger('attribution', 'verify', 'attested.json', '--attested');
    expect(check).toMatchObject({ code: 0 });
    expect(check.printed).toMatch(/attested {2}by the validators, in the state of block \d+/);
    const { number, stateRoot } = await rpcCall(node.url, 'eth_getBlockByNumber', 'latest', false);
    const trusting = [
      'attribution',
      'verify',
      'attested.json',
      '--attested',
      '--block',
      String(Number(number)),
    ];
    expect(await openledger(...trusting, '--state-root', stateRoot)).toMatchObject({ code: 0, noted: '' });
    const wrong = await openledger(...trusting, '--state-root', `0x${'33'.repeat(32)}`);
    expect(wrong.noted).toMatch(/STATE_DIFFERS/);
    const root = await openledger('attribution', 'root', told.requestId);
    expect(root.printed).toMatch(/attested {2}the same/);
    const shown = await openledger('model', 'show', String(told.modelId));
    expect(shown.printed).toMatch(/root {9}attested 0x[0-9a-f]{64}/);
  });

  it('is not served beside a proof of another one', async () => {
    const { attributionProof } = node.backend;
    node.backend.attributionProof = async (question) => ({
      ...(await attributionProof(question))!,
      root: new Uint8Array(32).fill(1),
    });
    await expect(prove({ requestId: told.requestId })).rejects.toMatchObject({
      code: -32000,
      data: { code: 'ROOT_DIFFERS' },
    });
    node.backend.attributionProof = attributionProof;
  });
});

function tried(run: () => Uint8Array | undefined): string | undefined {
  try {
    const root = run();
    return root && toHex(root);
  } catch (error) {
    return (error as { code: string }).code;
  }
}
