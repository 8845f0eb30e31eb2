// Compiles genesis/predeploys/*.sol into genesis/predeploys/artifacts.json, which is committed: a chain's first block
// must not depend on a compiler that somebody installs. `--check` compares instead of writing.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import solc from 'solc';

const directory = fileURLToPath(new URL('../genesis/predeploys/', import.meta.url));
const target = `${directory}artifacts.json`;

/** Settings are part of the artifact: the same source and settings give the same bytes. */
const settings = {
  evmVersion: 'osaka',
  optimizer: { enabled: true, runs: 100_000 },
  // No hash of the source's metadata in the code: a changed comment must not change block 0.
  metadata: { appendCBOR: false, bytecodeHash: 'none' },
  outputSelection: { '*': { '*': ['abi', 'evm.deployedBytecode.object'] } },
};

/** The file's content as text. @throws when a contract does not compile. */
export function compileContracts() {
  const names = readdirSync(directory)
    .filter((name) => name.endsWith('.sol'))
    .sort();
  const sources = Object.fromEntries(
    names.map((name) => [name, { content: readFileSync(directory + name, 'utf8') }]),
  );
  const output = JSON.parse(solc.compile(JSON.stringify({ language: 'Solidity', sources, settings })));
  const problems = output.errors ?? [];
  if (problems.length > 0) throw new Error(problems.map((problem) => problem.formattedMessage).join('\n'));
  const contracts = {};
  for (const name of names)
    for (const [contract, result] of Object.entries(output.contracts[name]))
      contracts[contract] = {
        source: name,
        abi: result.abi,
        runtime: `0x${result.evm.deployedBytecode.object}`,
      };
  const { outputSelection: _, ...kept } = settings;
  return `${JSON.stringify({ compiler: solc.version(), settings: kept, contracts }, undefined, 1)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = compileContracts();
  if (!process.argv.includes('--check')) writeFileSync(target, text);
  else if (readFileSync(target, 'utf8') !== text) {
    console.error(
      'genesis/predeploys/artifacts.json differs from its sources: run node scripts/compile-contracts.mjs',
    );
    process.exitCode = 1;
  }
}
