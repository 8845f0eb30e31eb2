/** A model that is paid by retrieval: answered, settled, cited and slashed by a network of real processes. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChainClient } from '../../node/client/client.ts';
import { waitForAnswer } from '../../node/client/infer.ts';
import { loadBrownCorpus } from '../../node/datasets/brown.ts';
import { silentLog } from '../../node/log.ts';
import { runOperator } from '../../node/operator/index.ts';
import { inferenceInterface, modelInterface } from '../../state/modules/interfaces.ts';
import { chainClient, type Economy, foundEconomy } from './support/ai.ts';
import type { Hex } from './support/client.ts';
import { startNetwork, type TestNetwork } from './support/network.ts';

/** Passages of 64 words. */
function passages(document: number): string[] {
  const words = (loadBrownCorpus()[document]?.text ?? '').split(/\s+/);
  return Array.from({ length: 20 }, (_, i) => words.slice(64 * i, 64 * (i + 1)).join(' '));
}
const TEXTS = { alice: passages(0), bob: passages(200) };
const ASKED = TEXTS.bob[7]!;
const PROMPT = ASKED.split(' ').slice(10, 22).join(' ');

interface Attribution {
  readonly engine: string;
  readonly recordHash: Hex;
  readonly verified?: boolean;
  readonly credits: readonly { contributor: Hex; parts: number; amount: Hex | null }[];
  readonly citations: readonly { contributor: Hex; recordIndex: number; score: number; excerpt?: string }[];
}

describe('a model that is paid by retrieval', () => {
  let network: TestNetwork;
  let economy: Economy;
  let client: ChainClient;

  beforeAll(async () => {
    network = await startNetwork({ validators: 4, fullNodes: 1 });
    const [node] = network.nodes;
    economy = await foundEconomy(network, node!, { engine: 'retrieval', texts: TEXTS, prompt: PROMPT });
    client = chainClient(node!);
  });
  afterAll(async () => {
    await network?.close();
  });

  /** Runs an operator while `work` goes on. */
  async function operated<T>(change: ((hash: Hex) => Hex) | undefined, work: () => Promise<T>): Promise<T> {
    const stop = new AbortController();
    let operating: Promise<void> = Promise.resolve();
    try {
      await new Promise<void>((resolve, reject) => {
        operating = runOperator({
          rpcUrl: client.rpc.url,
          account: economy.people.operator,
          log: silentLog,
          signal: stop.signal,
          ...(change && { attributionHash: change }),
          onReady: resolve,
        });
        operating.catch(reject);
      });
      return await work();
    } finally {
      stop.abort();
      await operating.catch(() => {});
    }
  }

  it('is answered by what its prompt finds, and every validator cites and pays the same', async () => {
    const requestId = await economy.ask(client);
    const answer = await operated(undefined, () => waitForAnswer(client, requestId, 60_000));
    expect(answer.output.length).toBeGreaterThan(0);

    const seen = await Promise.all(
      network.nodes
        .filter((node) => node.running)
        .map(async (node) => {
          const own = chainClient(node);
          for (let tries = 0; tries < 200; tries++) {
            const found = await own.rpc.request<Attribution | null>('ol_attribution', [requestId]);
            if (found !== null) return found;
            await new Promise((resolve) => setTimeout(resolve, 50));
          }
          throw new Error(`node ${node.index} never saw the settlement`);
        }),
    );
    expect(seen).toHaveLength(4);
    for (const attribution of seen)
      expect(attribution).toMatchObject({
        engine: 'retrieval',
        verified: true,
        recordHash: answer.attributionHash,
        citations: seen[0]!.citations,
      });
    const [first] = seen[0]!.citations;
    expect(first).toMatchObject({ contributor: economy.people.bob.address, recordIndex: 7 });
    expect(ASKED).toContain(first!.excerpt!.replace('…', '').trim());
    const { credits } = seen[0]!;
    expect(credits.find(({ contributor }) => contributor === economy.people.bob.address)).toBeDefined();
    for (const { amount } of credits) expect(BigInt(amount ?? '0x0')).toBeGreaterThan(0n);

    const [citations] = await client.view(inferenceInterface, 'citations', [requestId]);
    expect(citations.map(({ recordIndex, score }) => [Number(recordIndex), Number(score)])).toEqual(
      seen[0]!.citations.map(({ recordIndex, score }) => [recordIndex, score]),
    );
    // Each validator has made the vectors itself.
    for (const node of network.nodes.filter(({ running }) => running)) {
      const folder = join(node.home, 'data', 'vectors');
      expect(existsSync(folder) && readdirSync(folder)).toHaveLength(2);
    }
  });

  it('is slashed for a wrong record, and the asker is paid back', async () => {
    const [before] = await client.view(modelInterface, 'model', [economy.modelId]);
    const requestId = await economy.ask(client);
    await operated(
      (hash) => `${hash.slice(0, -2)}${hash.endsWith('00') ? '01' : '00'}` as Hex,
      () =>
        expect(waitForAnswer(client, requestId, 60_000)).rejects.toMatchObject({ code: 'REQUEST_CLOSED' }),
    );
    const [request] = await client.view(inferenceInterface, 'inference', [requestId]);
    expect(request.status).toBe(3n);
    const [after] = await client.view(modelInterface, 'model', [economy.modelId]);
    expect(after.bond).toBeLessThan(before.bond);
    expect(await client.rpc.request('ol_attribution', [requestId])).toBeNull();
  });

  it('is followed by a node that joins later and recomputes all of it', async () => {
    const late = network.nodes[4]!;
    await late.start();
    const head = Number(await client.rpc.request<Hex>('eth_blockNumber'));
    const own = chainClient(late);
    for (let tries = 0; Number(await own.rpc.request<Hex>('eth_blockNumber')) < head; tries++) {
      if (tries > 600) throw new Error('the late node does not catch up');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(existsSync(join(late.home, 'data', 'vectors'))).toBe(true);
  });
});
