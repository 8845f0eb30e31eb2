/** Models that the chain trains, as clients and the explorer read them. */
import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeTrainingSpec } from '../../../attribution/trained/api.ts';
import { toHex } from '../../../state/crypto.ts';
import { dataNetInterface, inferenceInterface, modelInterface } from '../../../state/modules/interfaces.ts';
import type { Hex } from '../../../state/types.ts';
import { pointRecords, SIDES, trainedArguments } from '../state/modules/trained-story.ts';
import { accountAddress } from '../state/support.ts';
import { ANNA, ASKER, contribute, OPEN, OWNER } from './story.ts';
import { rpcCall } from './support.ts';
import { openTestNode, type TestNode } from './test-node.ts';

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const here = existsSync(CHROMIUM);
if (!here)
  console.warn(`SKIPPED: the explorer's tests need Chromium at ${CHROMIUM} (apt-get install -y chromium)`);
/** Set to a folder to look at what the test saw. */
const PICTURES = process.env['PICTURES'];

let node: TestNode;
let requestId: Hex;
const ask = (method: string, ...params: unknown[]) => rpcCall(node.url, method, ...params);
const hexOpen = `0x${OPEN.toString(16)}`;

async function register(claimedHash?: Hex): Promise<void> {
  const args = trainedArguments({
    owner: accountAddress(OWNER),
    beneficiary: accountAddress(OWNER),
    dataNetIds: [1n],
    price: OPEN,
    ...(claimedHash && { claimedHash }),
  });
  const call = modelInterface.nativeCall('registerTrained', args as never);
  await node.perform(OWNER, modelInterface, call, { value: 100n * OPEN });
}

beforeAll(async () => {
  node = await openTestNode();
  const onNet = (call: Parameters<TestNode['perform']>[2]) => node.perform(OWNER, dataNetInterface, call);
  await onNet(dataNetInterface.nativeCall('create', ['points', '', '', []]));
  await onNet(dataNetInterface.nativeCall('publish', [1n]));
  const upload = { who: ANNA, dataNetId: 1, texts: pointRecords(12), salt: `0x${'aa'.repeat(32)}` as Hex };
  await contribute(node, upload);
  await register();
});
afterAll(() => node?.close());

describe('models that the chain trains, over RPC', () => {
  it('are shown with their settings while they are trained, and with what was attested afterwards', async () => {
    const young = await ask('ol_model', 1);
    expect(young).toMatchObject({
      kind: 'base',
      engine: 'influence',
      status: 'training',
      version: 0,
      training: {
        settings: { classes: ['left', 'right'], features: { kind: 'numbers', width: 2 } },
        spec: toHex(encodeTrainingSpec(SIDES)),
        active: null,
        newest: { version: 1, status: 'training', samples: null, refusal: null },
      },
    });
    const { subject } = young.training.newest;
    expect(await ask('ol_attestation', subject)).toMatchObject({ kind: 'training', status: 'open' });
    await node.attest();
    const { training, status, snapshots } = await ask('ol_model', 1);
    expect(status).toBe('active');
    expect(snapshots).toMatchObject([{ dataNetId: 1, length: 1, name: 'points' }]);
    expect(training.active).toEqual(training.newest);
    expect(training.active).toMatchObject({ status: 'trained', samples: 12, passedOver: 0 });
    expect(training.active.modelHash).toMatch(/^0x[0-9a-f]{64}$/);
  });

  it('answer in one transaction, and the answer is shown with credits and payments to the wei', async () => {
    const call = inferenceInterface.nativeCall('infer', [1n, '160 8']);
    const { receipt, hash } = await node.perform(ASKER, inferenceInterface, call, { value: 2n * OPEN });
    requestId = node.event(receipt, 'Requested')['requestId'] as Hex;
    expect(await ask('ol_inference', requestId)).toMatchObject({
      status: 'settled',
      modelKind: 'base',
      engine: 'influence',
      prompt: '160 8',
      output: 'right',
      fee: hexOpen,
      requestTransaction: hash,
      closeTransaction: hash,
    });
    const attribution = await ask('ol_attribution', requestId);
    expect(attribution).toMatchObject({
      engine: 'influence',
      spans: null,
      citations: null,
      credits: [{ contributor: accountAddress(ANNA), parts: attribution.coverage }],
      note: expect.stringMatching(/trained this model/),
    });
    expect(attribution).not.toHaveProperty('spansMissing');
    expect(attribution).not.toHaveProperty('textsMissing');
    const amounts = attribution.payments.map(({ amount }: { amount: Hex }) => BigInt(amount));
    expect(amounts.reduce((a: bigint, b: bigint) => a + b, 0n)).toBe(2n * OPEN);
    expect(attribution.payments).toContainEqual({
      share: 'change',
      to: accountAddress(ASKER),
      amount: hexOpen,
    });
    expect(await ask('ol_previewAttribution', requestId, '0x61')).toBeNull();
    expect(await ask('ol_transaction', hash)).toMatchObject({ module: 'inference', operation: 'infer' });
  });

  it('that are refused say why', async () => {
    await register(`0x${'77'.repeat(32)}`);
    await node.attest();
    expect(await ask('ol_model', 2)).toMatchObject({
      status: 'refused',
      bond: '0x0',
      training: {
        active: null,
        newest: { status: 'refused', refusal: { reason: 'hashDiffers', detail: 'HashMismatch' } },
      },
    });
  });
});

describe.skipIf(!here)('models that the chain trains, on the page', () => {
  let browser: Browser;
  let page: Page;
  const problems: string[] = [];
  beforeAll(async () => {
    const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'];
    browser = await chromium.launch({ executablePath: CHROMIUM, args });
    page = await browser.newPage();
    page.on('pageerror', (error) => problems.push(error.message));
  });
  afterAll(() => browser?.close());

  async function textOf(path: string): Promise<string> {
    await page.goto(`${node.url}/icon.svg`);
    await page.goto(`${node.url}/#/${path}`);
    await page.waitForSelector('main h1');
    if (PICTURES !== undefined)
      await page.screenshot({
        path: `${PICTURES}/${path.slice(0, 12).replace('/', '-')}.png`,
        fullPage: true,
      });
    return (await page.textContent('main')) ?? '';
  }

  it('says what it was trained on and by whom it is answered, who was paid, and why one was refused', async () => {
    const model = await textOf('model/1');
    for (const words of ['left, right', 'newton, to the optimum', '12, 0 records passed over'])
      expect(model).toContain(words);
    expect(model).not.toMatch(/operator/i);
    const answer = await textOf(`inference/${requestId}`);
    for (const words of ['right', 'every validator', 'Every validator trained this model'])
      expect(answer).toContain(words);
    expect(await textOf('model/2')).toContain(
      'what validators trained is not what was claimed (HashMismatch)',
    );
    expect(await textOf('models')).toContain('every validator');
    expect(problems).toEqual([]);
  });
});
