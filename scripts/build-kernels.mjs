// Compiles the WebAssembly kernels (assembly/*.ts in the folders below, AssemblyScript) to *.wasm.ts beside assembly/.
// The results are committed, since their bytes are part of what validators agree on; `--check` compares instead of
// writing, and a unit test runs it. No relaxed SIMD: it is the one part of WebAssembly whose results may differ.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const folders = ['attribution/kernels/', 'state/execution/machine/'];
const root = fileURLToPath(new URL('../', import.meta.url));
const check = process.argv.includes('--check');
const LINE = 110;

/** The module of one kernel as the text of a TypeScript file. */
async function compile(folder, name) {
  const files = new Map();
  const { error, stderr } = await asc.main(
    [
      `assembly/${name}.ts`,
      '--outFile',
      'out.wasm',
      '-O3',
      '--enable',
      'simd',
      '--runtime',
      'stub',
      '--importMemory',
      '--noAssert',
      '--use',
      'abort=',
    ],
    {
      readFile: (file) => {
        try {
          return readFileSync(`${root}${folder}${file}`, 'utf8');
        } catch {
          return null;
        }
      },
      writeFile: (file, contents) => void files.set(file, contents),
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`${name}: ${error.message}\n${stderr}`);
  const binary = files.get('out.wasm');
  const base64 = Buffer.from(binary).toString('base64');
  const sha256 = createHash('sha256').update(binary).digest('hex');
  const lines = base64.match(new RegExp(`.{1,${LINE - 8}}`, 'g')) ?? [];
  return [
    `/** Compiled from assembly/${name}.ts by scripts/build-kernels.mjs: do not edit. */`,
    `export const sha256 = '${sha256}';`,
    'export const base64 =',
    `${lines.map((line) => `  '${line}'`).join(' +\n')};`,
    '',
  ].join('\n');
}

let stale = 0;
for (const folder of folders)
  for (const file of readdirSync(`${root}${folder}assembly`).sort()) {
    if (!file.endsWith('.ts')) continue;
    const name = file.slice(0, -3);
    const path = `${root}${folder}${name}.wasm.ts`;
    const text = await compile(folder, name);
    let old = '';
    try {
      old = readFileSync(path, 'utf8');
    } catch {}
    if (old === text) continue;
    stale += 1;
    if (check) console.error(`${name}.wasm.ts is not what its source compiles to: run npm run build:kernels`);
    else {
      writeFileSync(path, text);
      console.log(`wrote ${folder}${name}.wasm.ts`);
    }
  }
process.exit(check && stale > 0 ? 1 : 0);
