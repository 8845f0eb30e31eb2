/** What the README's first command does, judged from outside: the story is told, and what it says is true. */
import { existsSync, readFileSync } from 'node:fs';
import { verifyMerkleProof } from '@ethereumjs/mpt';
import { RLP } from '@ethereumjs/rlp';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { createPublicClient, type Hex, hexToBytes, http, toHex } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyAttestedRoot } from '../../attribution/proofs/verifier.ts';
import { verifyProofFile } from '../../node/cli/proof-file.ts';
import { moduleAddress, TYPE } from '../../state/modules/addresses.ts';
import { slotOf } from '../../state/modules/storage.ts';
import { type RunningDevnet, rpc, startDevnet } from '../support/devnet.ts';

interface InferenceView {
  id: Hex;
  output: string;
  prompt: string;
  status: string;
  fee: Hex;
  closedAt: number;
  escrow: Hex;
}
interface AttributionView {
  recordHash: Hex;
  recomputedHash: Hex;
  verified: boolean;
  coverage: number;
  uncovered: number;
  credits: { contributor: Hex; parts: number; amount: Hex }[];
  spans: { text: string; startByte: number; endByte: number; contributor: Hex; weightBits: number }[];
  payments: { share: string; to: Hex; amount: Hex }[];
}

interface AttestedRoot {
  status: string;
  root: Hex | null;
  account: Hex;
  slot: Hex;
}
interface ProofView {
  root: Hex;
  snapshots: { dataNetId: number; length: number }[];
  attested: AttestedRoot;
}
interface SlotAnswer {
  accountProof: Hex[];
  storageProof: { proof: Hex[] }[];
}

/** A proof; a node that is still preparing its first one is asked again. */
async function proofOf(url: string, question: object): Promise<ProofView> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await rpc<ProofView>(url, 'ol_getAttributionProof', [question]);
    } catch (error) {
      if (attempt === 4 || !/being prepared/.test(String(error))) throw error;
    }
  }
}

describe('the story of the README', () => {
  let devnet: RunningDevnet;
  let inferences: InferenceView[];
  beforeAll(async () => {
    devnet = await startDevnet({
      args: ['--fresh', '--story'],
      until: /same block hash and state root/,
      timeoutMs: 170_000,
    });
    const page = await rpc<{ items: { id: Hex }[] }>(devnet.rpcUrls[0], 'ol_inferences', []);
    inferences = await Promise.all(
      page.items.map(({ id }) => rpc<InferenceView>(devnet.rpcUrls[0], 'ol_inference', [id])),
    );
  }, 180_000);
  afterAll(async () => {
    await devnet?.stop();
  });

  it('answers three prompts, each credited to at least three contributors and never wholly covered', async () => {
    expect(inferences).toHaveLength(3);
    for (const { id, status, output } of inferences) {
      expect(status).toBe('settled');
      expect(output.length).toBeGreaterThan(100);
      const attribution = await rpc<AttributionView>(devnet.rpcUrls[0], 'ol_attribution', [id]);
      expect(attribution.credits.length).toBeGreaterThanOrEqual(3);
      expect(attribution.coverage).toBeGreaterThan(0);
      expect(attribution.coverage).toBeLessThan(1_000_000_000);
      expect(attribution.credits.reduce((sum, { parts }) => sum + parts, attribution.uncovered)).toBe(
        1_000_000_000,
      );
    }
  });

  it('every validator recomputes every attribution to the hash that is in state', async () => {
    for (const { id } of inferences) {
      const seen = await Promise.all(
        devnet.rpcUrls.map((url) => rpc<AttributionView>(url, 'ol_attribution', [id])),
      );
      for (const attribution of seen) {
        expect(attribution.verified).toBe(true);
        expect(attribution.recomputedHash).toBe(seen[0].recordHash);
        expect(attribution.spans).toEqual(seen[0].spans);
      }
    }
  });

  it('the credits that were paid follow from a block header, a root that validators attested, and a proof', async () => {
    for (const { id } of inferences) {
      const stateRoot = await attestedBy(id);
      const answers = await Promise.all(
        devnet.rpcUrls.slice(0, 2).map((url) => proofOf(url, { requestId: id })),
      );
      const { recordHash } = await rpc<AttributionView>(devnet.rpcUrls[0], 'ol_attribution', [id]);
      for (const answer of answers) {
        expect(answer.attested).toMatchObject({ status: 'attested', root: answer.root });
        const { account, slot } = answer.attested;
        const proof = await rpc<SlotAnswer>(devnet.rpcUrls[1]!, 'eth_getProof', [
          account,
          [slot],
          stateRoot.block,
        ]);
        const bytes = (nodes: Hex[]) => nodes.map((node) => hexToBytes(node));
        const root = verifyAttestedRoot(hexToBytes(stateRoot.hash), answer.snapshots, {
          accountProof: bytes(proof.accountProof),
          storageProof: bytes(proof.storageProof[0]!.proof),
        });
        expect(root && toHex(root)).toBe(answer.root);
        const proven = verifyProofFile(JSON.stringify(answer));
        expect(proven.kind === 'credits' && proven.credits.recordHash).toBe(recordHash);
        expect(proven.root).toBe(answers[0]!.root);
      }
    }
  });

  /** State root of a block in which the root of what this request pins is attested: no answer waited for it. */
  async function attestedBy(id: Hex): Promise<{ block: Hex; hash: Hex }> {
    const [url] = devnet.rpcUrls;
    for (const until = Date.now() + 30_000; ; ) {
      const found = await rpc<{ attributionRoot: AttestedRoot }>(url, 'ol_inference', [id]);
      if (found.attributionRoot.status === 'attested') break;
      if (Date.now() > until) throw new Error(`the root is ${found.attributionRoot.status}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    const head = await rpc<{ number: Hex; stateRoot: Hex }>(url, 'eth_getBlockByNumber', ['latest', false]);
    return { block: head.number, hash: head.stateRoot };
  }

  it('the spans of an answer are its own words and stand in the texts of who is credited', async () => {
    for (const { id, output } of inferences) {
      const { spans } = await rpc<AttributionView>(devnet.rpcUrls[0], 'ol_attribution', [id]);
      expect(spans.length).toBeGreaterThan(0);
      const bytes = new TextEncoder().encode(output);
      for (const span of spans)
        expect(new TextDecoder().decode(bytes.subarray(span.startByte, span.endByte))).toBe(span.text);
    }
  });

  it('Conservation: the payments of each answer sum to its escrow, and all coins to what genesis gave out', async () => {
    for (const { id, escrow } of inferences) {
      const { payments } = await rpc<AttributionView>(devnet.rpcUrls[0], 'ol_attribution', [id]);
      expect(payments.reduce((sum, { amount }) => sum + BigInt(amount), 0n)).toBe(BigInt(escrow));
    }
    const genesis = JSON.parse(readFileSync(`${devnet.dir}/genesis.json`, 'utf8'));
    const given =
      Object.values<{ balance?: string }>(genesis.alloc).reduce(
        (sum, { balance }) => sum + BigInt(balance ?? 0),
        0n,
      ) + genesis.validators.reduce((sum: bigint, { bond }: { bond: string }) => sum + BigInt(bond), 0n);
    const supply = await rpc<{ balances: Hex; burntBaseFees: Hex; total: Hex }>(
      devnet.rpcUrls[2],
      'ol_supply',
      [],
    );
    expect(BigInt(supply.total)).toBe(given);
    expect(BigInt(supply.balances) + BigInt(supply.burntBaseFees)).toBe(given);
  });

  it('all validators have the same block hash and state root at every height', async () => {
    const head = Number(await rpc<Hex>(devnet.rpcUrls[0], 'eth_blockNumber'));
    for (let number = 0; number <= head; number += 1) {
      const blocks = await Promise.all(
        devnet.rpcUrls.map((url) =>
          rpc<{ hash: Hex; stateRoot: Hex } | null>(url, 'eth_getBlockByNumber', [toHex(number), false]),
        ),
      );
      const known = blocks.filter((block) => block !== null);
      expect(known.length).toBeGreaterThanOrEqual(3);
      expect(new Set(known.map(({ hash, stateRoot }) => hash + stateRoot)).size).toBe(1);
    }
  });

  it("eth_getProof of a contributor's reward slot verifies against the header with other people's code", async () => {
    const client = createPublicClient({ transport: http(devnet.rpcUrls[1]) });
    const [last] = inferences;
    const { credits } = await rpc<AttributionView>(devnet.rpcUrls[1], 'ol_attribution', [last.id]);
    const contributor = credits[0].contributor;
    // After the settlement its reward was vesting; the amount is in the upper half of the slot.
    const slot = toHex(slotOf('reward.maturing', contributor));
    const block = await client.getBlock({ blockNumber: BigInt(last.closedAt) });
    const proof = await client.getProof({
      address: moduleAddress(TYPE.reward),
      storageKeys: [slot],
      blockNumber: block.number,
    });
    const root = hexToBytes(block.stateRoot);
    const options = { root, useKeyHashing: true, useKeyHashingFunction: keccak_256 };
    const account = await verifyMerkleProof(
      hexToBytes(moduleAddress(TYPE.reward)),
      proof.accountProof.map((node) => hexToBytes(node)),
      options,
    );
    expect(account).not.toBeNull();
    const [, balance, storageRoot] = RLP.decode(account as Uint8Array) as Uint8Array[];
    expect(BigInt(toHex(balance))).toBe(proof.balance);
    const [storage] = proof.storageProof;
    const value = await verifyMerkleProof(
      hexToBytes(slot),
      storage.proof.map((node) => hexToBytes(node)),
      { ...options, root: storageRoot },
    );
    const proven = BigInt(toHex(RLP.decode(value as Uint8Array) as Uint8Array));
    expect(proven).toBe(storage.value);
    expect(proven).toBeGreaterThan(0n);
    // A changed proof does not verify.
    const spoiled = storage.proof.map((node) => hexToBytes(node));
    spoiled[spoiled.length - 1][5] ^= 1;
    await expect(
      verifyMerkleProof(hexToBytes(slot), spoiled, { ...options, root: storageRoot }),
    ).rejects.toThrow();
  });

  const chromium = '/usr/bin/chromium';
  it.skipIf(!existsSync(chromium))(
    `the page shows the answer's words by contributor (needs ${chromium})`,
    async () => {
      const { chromium: browserType } = await import('playwright-core');
      const browser = await browserType.launch({
        executablePath: chromium,
        args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
      });
      try {
        const page = await browser.newPage();
        const problems: string[] = [];
        page.on('pageerror', (error) => problems.push(error.message));
        page.on('console', (message) => {
          if (message.type() === 'error') problems.push(message.text());
        });
        await page.goto(`${devnet.page}#/inference/${inferences[0].id}`);
        await page.getByText('Who was paid for the data').waitFor();
        const { credits } = await rpc<AttributionView>(devnet.rpcUrls[0], 'ol_attribution', [
          inferences[0].id,
        ]);
        const text = (await page.locator('main').textContent()) ?? '';
        for (const word of inferences[0].output.split(/\s+/).slice(0, 5)) expect(text).toContain(word);
        for (const { contributor } of credits) expect(text.toLowerCase()).toContain(contributor.slice(0, 8));
        expect(text).toContain('not what the model learned');
        expect(problems).toEqual([]);
      } finally {
        await browser.close();
      }
    },
  );

  it('one SIGINT ends the devnet and all its processes', async () => {
    const pids = devnet.validators.map(({ pid }) => pid);
    expect(await devnet.stop({ keep: false })).toBe(0);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow();
  });
});
