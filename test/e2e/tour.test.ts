/** The tour of the operator's guide, command by command, as a person types it. */
import type { ChildProcess } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { loadBrownCorpus } from '../../node/datasets/brown.ts';
import { createConsensusKey, writeDevelopmentKey } from '../../node/keys/consensus-key.ts';
import { cliPath, type RunningDevnet, runCli, startDevnet, tempDir } from '../support/devnet.ts';
import { tanhLayer } from '../support/graph-features.ts';
import { spawnOwned } from '../support/owned.ts';

let devnet: RunningDevnet | undefined;
let operator: ChildProcess | undefined;
let cwd: string | undefined;
afterEach(async () => {
  operator?.kill('SIGKILL');
  await devnet?.stop();
  if (cwd !== undefined) rmSync(cwd, { recursive: true, force: true });
});

it('a person contributes, another asks, the first is paid', async () => {
  const folder = tempDir();
  cwd = folder;
  // Where commands look for a devnet by themselves.
  devnet = await startDevnet({ dir: join(folder, '.devnet'), validators: 2 });
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCli(args, { cwd: folder });
    expect({ args, code, stderr: code === 0 ? '' : stderr }).toEqual({ args, code: 0, stderr: '' });
    return stdout;
  };
  const json = async (...args: string[]) => JSON.parse(await run(...args, '--json'));

  expect((await json('datanet', 'create', '--name', 'News', '--publish', '--from', 'curator')).id).toBe('1');
  const texts = loadBrownCorpus().slice(0, 12);
  const files = texts.map((document, i) => {
    writeFileSync(join(folder, `text-${i}.txt`), document.text);
    return `text-${i}.txt`;
  });
  const given = await json('contribute', ...files.slice(0, 8), '--datanet', '1', '--from', 'alice');
  expect(given.recordCount).toBe(8);
  const second = await json('contribute', ...files.slice(8), '--datanet', '1', '--from', 'bob');
  for (const { id } of [given, second])
    expect((await json('datanet', 'approve', id, '--from', 'curator')).acceptedCount).not.toBe('0');
  const late = await json('contribute', files[0] as string, '--datanet', '1', '--from', 'carol');
  const queued = await json('datanet', 'approve', late.id, '--no-wait', '--from', 'curator');
  expect(queued.subject).toMatch(/^0x[0-9a-f]{64}$/);
  expect(await run('datanet', 'show', '1')).toContain('approved');

  // Refused by the chain: told in words, exit code 3.
  const twice = await runCli(['datanet', 'approve', given.id, '--from', 'curator'], { cwd: folder });
  expect(twice.code).toBe(3);
  expect(twice.stderr).toContain('WrongStatus');

  const model = ['model', 'register', '--name', 'teller', '--datanet', '1', '--operator', 'operator'];
  expect((await json(...model, '--price', '0.5', '--from', 'frank')).id).toBe('1');
  await run('model', 'stake', '1', '--amount', '5', '--from', 'grace');
  expect(await run('model', 'list')).toContain('teller');

  operator = spawnOwned(process.execPath, [cliPath(), 'operator', '--from', 'operator'], { cwd: folder });
  const answer = await json('infer', '--model', '1', '--prompt', 'The jury said that the', '--from', 'asker');
  expect(answer.output.length).toBeGreaterThan(20);
  expect(answer.attribution.verified).toBe(true);
  const shown = await run('attribution', 'show', answer.requestId);
  expect(shown).toContain('not what the model learned');
  const credited = answer.attribution.credits as { contributor: string }[];
  expect(credited.length).toBeGreaterThan(0);
  const alice = devnet.account('alice');
  expect(credited.map((one) => one.contributor)).toContain(alice.address.toLowerCase());
  const rewards = await json('rewards', 'show', 'alice');
  expect(BigInt(rewards.claimable) + BigInt(rewards.maturing) + BigInt(rewards.filling)).toBeGreaterThan(0n);
  expect((await json('status')).peers).toBe(1);

  // A model that the chain trains, on what an ONNX graph makes of pairs of numbers.
  writeFileSync(join(folder, 'graph.onnx'), tanhLayer());
  const settings = {
    features: { kind: 'onnx', inputExponent: 3 },
    classes: ['left', 'right'],
    training: { method: 'newton', l2Micro: 100_000 },
    metric: { solver: 'newton', clipPercent: 100, projectedWidth: 0 },
  };
  writeFileSync(join(folder, 'settings.json'), JSON.stringify(settings));
  const pairs = Array.from({ length: 12 }, (_, i) =>
    i % 2 === 0 ? `left\n${-20 + i} ${i}` : `right\n${20 - i} ${i}`,
  );
  writeFileSync(join(folder, 'pairs.txt'), pairs.join('\n\n'));
  await json('datanet', 'create', '--name', 'Pairs', '--publish', '--from', 'curator');
  const pairsOf = ['pairs.txt', '--records', 'paragraphs', '--datanet', '2', '--from', 'alice'];
  const { id: points } = await json('contribute', ...pairsOf);
  await run('datanet', 'approve', points, '--from', 'curator');
  expect(await run('model', 'check', 'graph.onnx')).toContain('4 of 2 numbers');
  const train = ['model', 'train', '--name', 'sides', '--datanet', '2', '--settings', 'settings.json'];
  const onGraph = [...train, '--graph', 'graph.onnx', '--wait', '--from', 'frank'];
  expect((await json(...onGraph)).id).toBe('2');
  expect(await run('model', 'show', '2')).toContain('active');
  const side = await json('infer', '--model', '2', '--prompt', '-18 3', '--from', 'asker');
  expect(side.output).toBe('left');

  // A small bond, so that the two founders still agree without a node for it.
  writeDevelopmentKey(join(folder, 'consensus.json'), createConsensusKey());
  const registered = await json(
    'validator',
    'register',
    '--key',
    'consensus.json',
    '--bond',
    '5',
    '--from',
    'dave',
  );
  expect(registered.operator).toBe(devnet.account('dave').address.toLowerCase());
  await run('validator', 'bond', '2', '--from', 'dave');
  const released = await json('validator', 'unbond', '3', '--from', 'dave');
  expect(await json('validator', 'show', 'dave')).toMatchObject({
    power: '4',
    jailed: false,
    unbondings: [{ amount: '3000000000000000000', releasedAt: released.releasedAt }],
  });
  for (const [command, reason] of [
    ['withdraw', 'NothingToWithdraw'],
    ['unjail', 'NotJailed'],
  ] as const) {
    const refused = await runCli(['validator', command, '--from', 'dave'], { cwd: folder });
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain(reason);
  }
});
