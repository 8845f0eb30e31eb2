/** The explorer in a real browser, against a real server. Skipped aloud where there is no Chromium. */
import { existsSync, mkdirSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { toHex } from '../../../state/crypto.ts';
import { accountAddress, accountKey, signedTransaction } from '../state/support.ts';
import { ANNA, BEN, BENS_TEXT, OPERATOR, PROMPT, type Told, tell } from './story.ts';
import { rpcCall } from './support.ts';
import { openTestNode, type TestNode } from './test-node.ts';

// What the functions given to `evaluate` use runs in the browser; this program knows no such types.
// biome-ignore lint/suspicious/noExplicitAny: the browser's own objects
declare const document: any;
// biome-ignore lint/suspicious/noExplicitAny: the browser's own function
declare const getComputedStyle: (element: any) => { color: string; backgroundColor: string };

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const here = existsSync(CHROMIUM);
if (!here)
  console.warn(`SKIPPED: the explorer's tests need Chromium at ${CHROMIUM} (apt-get install -y chromium)`);
/** Set to a folder to look at what the tests saw. */
const PICTURES = process.env['PICTURES'];

/** What a hostile contributor would write. */
const HOSTILE = '<img src=x onerror=owned=1>';

describe.skipIf(!here)('the explorer', () => {
  let node: TestNode;
  let told: Told;
  let browser: Browser;
  let page: Page;
  let problems: string[];

  beforeAll(async () => {
    node = await openTestNode();
    told = await tell(node, HOSTILE);
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
    });
    page = await browser.newPage();
    page.on('pageerror', (error) => problems.push(`error: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(`console: ${message.text()}`);
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(node.url)) problems.push(`foreign request: ${request.url()}`);
    });
  });
  afterAll(async () => {
    await browser?.close();
    await node?.close();
  });

  beforeEach(async () => {
    problems = [];
    await page.setViewportSize({ width: 1180, height: 900 });
    await page.emulateMedia({ colorScheme: 'light' });
  });
  afterEach(async () => {
    const owned = await page.evaluate(() => (globalThis as { owned?: number }).owned);
    // No script of the chain's data ran, nothing was loaded from elsewhere, the content policy was not violated.
    expect(owned).toBeUndefined();
    expect(problems).toEqual([]);
  });

  async function open(path: string): Promise<void> {
    // Leaving first makes the browser load the page anew instead of changing its fragment.
    await page.goto(`${node.url}/icon.svg`);
    await page.goto(`${node.url}/#/${path}`);
    await page.waitForFunction(() => document.querySelector('main h1, main .notice') !== null);
  }
  async function picture(name: string): Promise<void> {
    if (PICTURES === undefined) return;
    mkdirSync(PICTURES, { recursive: true });
    await page.screenshot({ path: `${PICTURES}/${name}.png`, fullPage: true });
  }
  const text = (selector: string) => page.locator(selector).first().textContent();

  it('shows what happened lately, and the new block when it comes', async () => {
    await open('');
    await page.waitForFunction(() => document.querySelector('#live')?.getAttribute('data-state') === 'live');
    expect(await text('main')).toContain('Town chronicle');
    await picture('home');
    const nonce = Number(await rpcCall(node.url, 'eth_getTransactionCount', accountAddress(0)));
    await rpcCall(
      node.url,
      'eth_sendRawTransaction',
      toHex(signedTransaction({ key: accountKey(0), nonce, to: accountAddress(5), value: 10n ** 18n })),
    );
    const { head } = await node.mine();
    await page.waitForFunction(
      (number) => document.querySelector('#live')?.textContent === `block ${number}`,
      head.number,
    );
    await page.waitForFunction(
      (number) => document.querySelector('main dd')?.textContent === String(number),
      head.number,
    );
    await page.waitForFunction(() => document.querySelector('main')?.textContent.includes('transfer'));
  });

  it('colours the words of an answer by contributor and shows a word’s source', async () => {
    await open(`inference/${told.requestId}`);
    expect(await text('#prompt')).toBe(`${PROMPT}${HOSTILE}`);
    expect(await text('#answer')).toContain('bakers who cheated were led through the town');
    expect(await text('#answer')).toContain('<b>');
    const marks = page.locator('#answer mark');
    expect(await marks.count()).toBe(2);
    const contributors = await marks.evaluateAll((found) =>
      found.map((mark) => mark.getAttribute('data-contributor')),
    );
    expect(contributors).toEqual([accountAddress(ANNA), accountAddress(BEN)]);
    const colours = await marks.evaluateAll((found) =>
      found.map((mark) => getComputedStyle(mark).backgroundColor),
    );
    expect(new Set(colours).size).toBe(2);
    await marks.nth(1).hover();
    const source = page.locator('.source');
    expect(await source.textContent()).toContain(`Town chronicle${HOSTILE}`);
    expect(await source.locator('blockquote').textContent()).toBe(BENS_TEXT);
    await picture('inference');
    expect(await text('main')).toContain(
      'For an external model the chain proves what the answer quotes, not what the model learned.',
    );
    expect(await text('main')).toContain('Who was paid for the data');
  });

  it('shows the sources to a keyboard, too, and hides them with Escape', async () => {
    await open(`inference/${told.requestId}`);
    await page.locator('#answer mark').first().focus();
    expect(await page.locator('.source').count()).toBe(1);
    await page.keyboard.press('Tab');
    expect(await page.locator('.source').textContent()).toContain(BENS_TEXT.slice(0, 30));
    await page.keyboard.press('Escape');
    expect(await page.locator('.source').count()).toBe(0);
  });

  const pages: [string, () => string, () => string[]][] = [
    ['blocks', () => 'blocks', () => ['Blocks']],
    ['block', () => 'block/1', () => ['Block 1', 'State root']],
    ['transaction', () => `tx/${told.settleHash}`, () => ['inference settle', 'inference.Settled', HOSTILE]],
    ['datanets', () => 'datanets', () => [`Town chronicle${HOSTILE}`]],
    ['datanet', () => `datanet/${told.dataNetId}`, () => [`Old news${HOSTILE}`, 'approved']],
    ['contribution', () => `contribution/${told.contributions.ben}`, () => ['CC-BY-4.0', '2, 2 accepted']],
    ['models', () => 'models', () => [`Chronicler${HOSTILE}`]],
    [
      'model',
      () => `model/${told.modelId}`,
      () => [`Tells of the town.${HOSTILE}`, 'not what the model learned'],
    ],
    ['inferences', () => 'inferences', () => ['settled']],
    [
      'address',
      () => `address/${accountAddress(ANNA)}`,
      () => ['Rewards still vesting', 'approved', 'Token transfers', 'contribution reveal'],
    ],
    ['validators', () => 'validators', () => ['1 validators', 'active']],
    ['nothing', () => 'somewhere', () => ['There is no page']],
    ['a block that is not there', () => 'block/99999', () => ['There is no block 99999 yet.']],
    ['nonsense', () => 'inference/<b>x', () => ['“<b>x” is not the id of an inference.']],
    ['a mistyped block', () => 'block/12z', () => ['“12z” is not the number of a block.']],
    ['a missing hash', () => 'tx', () => ['“” is not the hash of a transaction.']],
  ];
  for (const [name, path, expected] of pages)
    it(`has a page for ${name}, reachable by its address`, async () => {
      await open(path());
      const shown = await page.locator('main').textContent();
      for (const words of expected()) expect(shown).toContain(words);
      await picture(name.replaceAll(' ', '-'));
    });

  it('finds blocks, transactions, inferences and addresses', async () => {
    await open('');
    const search = async (words: string) => {
      const before = page.url();
      await page.fill('input[type=search]', words);
      await page.keyboard.press('Enter');
      await page.waitForURL((url) => url.href !== before);
      return page.url();
    };
    expect(await search('1')).toContain('#/block/1');
    expect(await search(told.settleHash)).toContain(`#/tx/${told.settleHash}`);
    expect(await search(told.requestId)).toContain(`#/inference/${told.requestId}`);
    expect(await search(told.contributions.anna)).toContain('#/contribution/');
    expect(await search(accountAddress(OPERATOR))).toContain('#/address/');
  });

  it('leaves the focus with who types in the search field while a page is still coming', async () => {
    await open('');
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    // The node's answers wait until the words are typed, so that the page comes after them every time.
    await page.route(`${node.url}/`, async (route) => {
      if (route.request().method() === 'POST') await held;
      await route.continue();
    });
    const visit = await page.evaluate(() => document.querySelector('main').dataset.ready);
    await page.evaluate(() => {
      (globalThis as unknown as { location: { hash: string } }).location.hash = '#/block/1';
    });
    await page.fill('input[type=search]', accountAddress(OPERATOR));
    release();
    await page.waitForFunction((old) => document.querySelector('main').dataset.ready !== old, visit);
    await page.unroute(`${node.url}/`);
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => url.hash.startsWith('#/address/'));
    // The search is done: now the page has the focus, for the keyboard and for screen readers.
    await page.waitForFunction(() => document.activeElement === document.querySelector('main'));
  });

  it('fits a phone, in the dark, without scrolling sideways', async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await page.emulateMedia({ colorScheme: 'dark' });
    for (const path of [
      '',
      `inference/${told.requestId}`,
      `tx/${told.settleHash}`,
      'validators',
      'datanets',
    ]) {
      await open(path);
      await page.waitForTimeout(0);
      const [width = 0, view = 0]: number[] = await page.evaluate(() => [
        document.documentElement.scrollWidth,
        document.documentElement.clientWidth,
      ]);
      expect(width, path).toBeLessThanOrEqual(view);
      await picture(`phone-${path.split('/')[0] || 'home'}`);
    }
  });

  it('keeps at least 4.5 to 1 between words and what they stand on, in both schemes', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await open(`inference/${told.requestId}`);
      const weak = await page.evaluate(() => {
        const parse = (colour: string) => (colour.match(/[\d.]+/g) ?? []).map(Number);
        const luminance = ([r = 0, g = 0, b = 0]: number[]) => {
          const part = (value: number) =>
            value / 255 <= 0.03928 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
          return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
        };
        const under = (element: { parentElement: unknown } | null): number[] => {
          for (let at = element; at; at = at.parentElement as typeof element) {
            const colour = parse(getComputedStyle(at).backgroundColor);
            if (colour.length < 4 || colour[3] === 1) return colour;
          }
          return [255, 255, 255];
        };
        const found: string[] = [];
        for (const element of document.querySelectorAll('main *, header *, footer')) {
          const own = [...element.childNodes].some(
            (child) => child.nodeType === 3 && child.textContent?.trim(),
          );
          if (!own) continue;
          const [a, b] = [luminance(parse(getComputedStyle(element).color)), luminance(under(element))];
          const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
          if (ratio < 4.5) found.push(`${element.className || element.tagName}: ${ratio.toFixed(2)}`);
        }
        return found;
      });
      expect(weak, colorScheme).toEqual([]);
    }
  });
});
