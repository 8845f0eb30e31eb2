/**
 * Proofs about phrases at ten million tokens of real text: how large they are, how long a verifier takes, what it costs
 * to prepare them. 2,000 phrases each: of 5 tokens and of 1 to 16, that occur and that do not (half of them drawn token
 * by token, half a real phrase with another last token).
 */
import { hash } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { createCorpus, DEFAULT_TOKEN_ATTRIBUTION_PARAMS } from '../../attribution/api.ts';
import {
  type AnswerInputs,
  type CommittedIndex,
  commitCorpus,
  proveCredits,
  provePhrase,
  verifyCreditsProof,
  verifyPhraseProof,
} from '../../attribution/proofs/api.ts';
import { type RealText, readRealText } from './proof-text.ts';
import type { BenchRow } from './types.ts';

const TOKENS = Number(process.env['PROOF_BENCH_TOKENS'] ?? 10_000_000);
const PHRASES = 2000;

export const about =
  'Ten million tokens of real text (documentation of the installed packages, and of the system under /usr/share and /usr/lib, in the order of their paths; the fingerprint names the text), 2,000 phrases a row from a seeded generator: of 5 tokens and of 1 to 16, that occur and that do not.';

export async function run(): Promise<BenchRow[]> {
  const text = readRealText(TOKENS);
  const corpus = createCorpus(text.records);
  const memoryBefore = memoryMb();
  const cpu = process.cpuUsage();
  const start = performance.now();
  const index = commitCorpus(corpus, { hash: (bytes) => hash('sha256', bytes, 'buffer') });
  const wallSeconds = (performance.now() - start) / 1000;
  const cpuSeconds = cpuMs(cpu) / 1000;
  const random = randomFrom(20_261_126);
  const rows: BenchRow[] = [
    {
      name: `proofs: tokens of real text (${text.fingerprint.slice(0, 12)})`,
      value: index.sizes.tokens,
      unit: 'tokens',
    },
    { name: 'proofs: files they come from', value: text.files, unit: 'files' },
    { name: 'proofs: records', value: index.sizes.records, unit: 'records' },
    { name: 'proofs: different tokens', value: index.sizes.types, unit: 'tokens' },
    { name: 'proofs: nodes', value: index.sizes.nodes, unit: 'nodes' },
    { name: 'proofs: preparation, CPU', value: cpuSeconds, unit: 's' },
    { name: 'proofs: preparation, wall', value: wallSeconds, unit: 's' },
    { name: 'proofs: memory kept for proving', value: memoryMb() - memoryBefore, unit: 'MB' },
  ];
  const phrases = createPhrases(index, text, random);
  for (const [name, length] of [
    ['5 tokens', () => 5],
    ['1 to 16 tokens', () => 1 + random(16)],
  ] as const) {
    rows.push(...measure(index, `occurs, ${name}`, () => phrases.real(length())));
    rows.push(...measure(index, `absent, ${name}`, () => phrases.absent(length())));
  }
  rows.push(...measureCredits(index, phrases, random));
  return rows;
}

function measure(index: CommittedIndex, name: string, next: () => Uint8Array[]): BenchRow[] {
  const phrases = Array.from({ length: PHRASES }, next);
  const proving = process.cpuUsage();
  const proofs = phrases.map((phrase) => provePhrase(index, phrase));
  const proveMs = cpuMs(proving) / PHRASES;
  for (const { statement } of proofs)
    if (!name.startsWith(statement.kind)) throw new Error(`${name}: a proof says ${statement.kind}`);
  // Twice: the first time the verifier's code is cold.
  let verifyMs = 0;
  const walls: number[] = [];
  for (let round = 0; round < 2; round++) {
    walls.length = 0;
    const verifying = process.cpuUsage();
    for (const { bytes } of proofs) {
      const start = performance.now();
      verifyPhraseProof(index.root, bytes);
      walls.push(performance.now() - start);
    }
    verifyMs = cpuMs(verifying) / PHRASES;
  }
  return [
    ...summary(
      `proofs: ${name}, size`,
      proofs.map(({ bytes, dictionaryBytes }) => bytes.length - dictionaryBytes),
      'bytes',
    ),
    {
      name: `proofs: ${name}, dictionary, mean`,
      value: mean(proofs.map((proof) => proof.dictionaryBytes)),
      unit: 'bytes',
    },
    { name: `proofs: ${name}, verification, mean CPU`, value: verifyMs, unit: 'ms' },
    ...summary(`proofs: ${name}, verification, wall`, walls, 'ms'),
    { name: `proofs: ${name}, proving, mean CPU`, value: proveMs, unit: 'ms' },
  ];
}

const ANSWERS = 20;
const ANSWER_TOKENS = 450;

/** Answers of 450 tokens put together from real phrases of 1 to 40 tokens: about as quoted as an answer can be. */
function measureCredits(
  index: CommittedIndex,
  phrases: ReturnType<typeof createPhrases>,
  random: (below: number) => number,
): BenchRow[] {
  const inputs = Array.from({ length: ANSWERS }, (): AnswerInputs => {
    const tokens: Uint8Array[] = [];
    while (tokens.length < ANSWER_TOKENS) tokens.push(...phrases.real(1 + random(40)));
    const output = Buffer.concat(
      tokens.slice(0, ANSWER_TOKENS).flatMap((token) => [token, Uint8Array.of(32)]),
    );
    const rules = { params: DEFAULT_TOKEN_ATTRIBUTION_PARAMS, commons: [], ineligible: [] };
    return { requestHash: `0x${'11'.repeat(32)}`, prompt: new Uint8Array(0), output, ...rules };
  });
  const proving = process.cpuUsage();
  const proofs = inputs.map((one) => proveCredits(index, one));
  const proveMs = cpuMs(proving) / ANSWERS;
  const verifying = process.cpuUsage();
  inputs.forEach((one, i) => {
    const { recordHash } = verifyCreditsProof(index.root, one, proofs[i]!.bytes);
    if (recordHash !== proofs[i]!.recordHash)
      throw new Error(`answer ${i}: the verifier finds other credits`);
  });
  const verifyMs = cpuMs(verifying) / ANSWERS;
  const name = `proofs: credits of ${ANSWER_TOKENS} quoted tokens`;
  const sizes = proofs.map(({ bytes, dictionaryBytes }) => (bytes.length - dictionaryBytes) / 1000);
  return [
    ...summary(`${name}, size`, sizes, 'kB'),
    {
      name: `${name}, dictionary, mean`,
      value: mean(proofs.map((proof) => proof.dictionaryBytes / 1000)),
      unit: 'kB',
    },
    { name: `${name}, verification, mean CPU`, value: verifyMs, unit: 'ms' },
    { name: `${name}, proving, mean CPU`, value: proveMs, unit: 'ms' },
  ];
}

function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

function createPhrases(index: CommittedIndex, { records }: RealText, random: (below: number) => number) {
  const { tokens } = index.sizes;
  /** A token drawn by how often it occurs. */
  const symbols = (position: number) => index.chunk(Math.floor(position / 32))[position % 32]!;
  const real = (length: number): Uint8Array[] => {
    for (;;) {
      const start = random(tokens + records.length - length);
      const phrase = Array.from({ length }, (_, j) => symbols(start + j));
      // Long tokens stand in the dictionary as their hashes, which are no tokens.
      const keys = phrase.map((symbol) => (symbol === 0 ? undefined : index.entryOf(symbol - 1).key));
      if (keys.every((key) => key !== undefined && key.length <= 32)) return keys as Uint8Array[];
    }
  };
  const absent = (length: number): Uint8Array[] => {
    for (let attempt = 0; ; attempt++) {
      // One token always occurs unless it is made up; a few draws find a longer phrase that does not.
      const made = new TextEncoder().encode(`q${random(1e9).toString(36)}q`);
      const phrase =
        length === 1
          ? [made]
          : attempt % 2 === 0
            ? Array.from({ length }, () => real(1)[0]!)
            : [...real(length - 1), real(1)[0]!];
      if (provePhrase(index, phrase).statement.kind === 'absent') return phrase;
    }
  };
  return { real, absent };
}

function summary(name: string, values: readonly number[], unit: string): BenchRow[] {
  const sorted = [...values].sort((a, b) => a - b);
  return [
    { name: `${name}, mean`, value: mean(values), unit },
    { name: `${name}, p95`, value: sorted[Math.floor(sorted.length * 0.95)]!, unit },
    { name: `${name}, max`, value: sorted[sorted.length - 1]!, unit },
  ];
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Memory of typed arrays, which is where the index lies. */
function memoryMb(): number {
  return process.memoryUsage().arrayBuffers / 1e6;
}

function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 4294967296) * below);
  };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const row of await run()) console.log(`${row.name}: ${row.value.toFixed(3)} ${row.unit}`);
}
