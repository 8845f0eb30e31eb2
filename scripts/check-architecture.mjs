// The house rules that a general linter cannot say: which floor may import which, and which functions are
// forbidden where results reach state (docs/protocol.md, "Determinism"). Reads the sources as syntax trees.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));
const floors = {
  genesis: [],
  attribution: [],
  consensus: [],
  state: ['attribution', 'consensus', 'genesis'],
  rpc: ['state', 'attribution', 'consensus', 'genesis'],
  node: ['rpc', 'state', 'attribution', 'consensus', 'genesis'],
  test: ['node', 'rpc', 'state', 'attribution', 'consensus', 'genesis'],
};
/** Ground floors that must run in a browser, a simulator or a light client: no platform, no libraries with I/O. */
const pureAllowed = {
  attribution: [/^@noble\/hashes\//],
  consensus: [],
};
const deterministicFloors = new Set(['attribution', 'consensus', 'state', 'genesis']);
const forbiddenMath = new Set(
  'exp expm1 log log2 log10 log1p pow sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh random hypot cbrt'.split(
    ' ',
  ),
);
const forbiddenMethods = new Set([
  'normalize',
  'localeCompare',
  'toLocaleLowerCase',
  'toLocaleUpperCase',
  'toLocaleString',
]);
const forbiddenGlobals = new Set(['Intl', 'Date']);
const pureForbiddenGlobals = new Set([
  'process',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'performance',
  'Buffer',
  'crypto',
  'fetch',
]);

const problems = [];

function* sources(dir) {
  for (const entry of readdirSync(join(root, dir), { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) {
      if (!['static', 'node_modules', 'assembly'].includes(entry.name)) yield* sources(path);
    } else if (entry.name.endsWith('.ts')) yield path;
  }
}

function checkImport(floor, path, specifier, report) {
  if (specifier.startsWith('.')) {
    const target = relative(root, resolve(root, dirname(path), specifier)).split(sep)[0];
    if (target !== floor && target in floors && !floors[floor].includes(target))
      report(
        `${floor}/ may not import ${target}/ (arrows point down: node -> rpc -> state -> attribution, consensus, genesis)`,
      );
    return;
  }
  const allowed = pureAllowed[floor];
  if (allowed && !allowed.some((pattern) => pattern.test(specifier)))
    report(`${floor}/ is pure and may not import '${specifier}'`);
}

function checkNode(floor, node, report) {
  if (!deterministicFloors.has(floor)) return;
  if (ts.isPropertyAccessExpression(node)) {
    const object = node.expression.getText();
    const name = node.name.text;
    if (object === 'Math' && forbiddenMath.has(name))
      report(`Math.${name} differs between processors; use the integer functions in attribution/`);
    if (forbiddenMethods.has(name) && ts.isCallExpression(node.parent) && node.parent.expression === node)
      report(`.${name}() depends on the platform's Unicode tables or locale`);
  }
  if (
    ts.isBinaryExpression(node) &&
    (node.operatorToken.kind === ts.SyntaxKind.AsteriskAsteriskToken ||
      node.operatorToken.kind === ts.SyntaxKind.AsteriskAsteriskEqualsToken)
  ) {
    const text = node.getText();
    // BigInt powers are exact; both sides must visibly be BigInt.
    if (!/\d+n\s*\*\*/.test(text) && !/BigInt\(.*\)\s*\*\*/.test(text))
      report('** on numbers changed between engines; multiply, or use BigInt literals');
  }
  if (ts.isRegularExpressionLiteral(node) && /\\p\{/i.test(node.text))
    report("Unicode property escapes follow the engine's Unicode version");
  if (ts.isIdentifier(node)) {
    const isProperty =
      (ts.isPropertyAccessExpression(node.parent) && node.parent.name === node) ||
      ts.isPropertySignature(node.parent) ||
      ts.isPropertyAssignment(node.parent);
    if (isProperty) return;
    if (forbiddenGlobals.has(node.text)) report(`${node.text} is forbidden where results reach state`);
    if (floor in pureAllowed && pureForbiddenGlobals.has(node.text)) {
      const declared =
        ts.isParameter(node.parent) ||
        ts.isVariableDeclaration(node.parent) ||
        ts.isBindingElement(node.parent);
      if (!declared) report(`${floor}/ is pure: ${node.text} must be passed in`);
    }
  }
}

for (const floor of Object.keys(floors)) {
  for (const path of sources(floor)) {
    const text = readFileSync(join(root, path), 'utf8');
    const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    const visit = (node) => {
      const report = (message) => {
        const { line } = file.getLineAndCharacterOfPosition(node.getStart());
        problems.push(`${path}:${line + 1}: ${message}`);
      };
      if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier)
        checkImport(floor, path, node.moduleSpecifier.text, report);
      checkNode(floor, node, report);
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
}

for (const problem of problems) console.error(problem);
if (problems.length > 0) {
  console.error(`architecture: ${problems.length} problem(s)`);
  process.exit(1);
}
console.log('architecture: ok');
