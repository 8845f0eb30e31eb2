/** Manifests from seeds: whatever can happen to a network, in an order that leaves it a quorum. */
import {
  isQuorum,
  type Manifest,
  names,
  type Perturbation,
  type PerturbationKind,
  parseManifest,
} from './manifest.ts';

const VALIDATORS = 4;
const FULL_NODES = 2;
const PERTURBATIONS = 6;

/** Deterministic 32-bit generator (mulberry32): the same seed gives the same manifest on every machine. */
function generator(seed: number): (below: number) => number {
  let state = Math.imul(seed + 1, 0x9e3779b9);
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

export function generateManifest(seed: number): Manifest {
  const draw = generator(seed);
  const pick = <T>(list: readonly T[]): T => list[draw(list.length)] as T;
  const voting = new Set(names('validator', VALIDATORS));
  const running = new Set([...voting, 'full-0']);
  const late = 'full-1';
  const from = pick(['snapshot', 'blocks'] as const);
  const lateAt = draw(PERTURBATIONS);
  const perturbations: Perturbation[] = [];
  const blocks = () => 2 + draw(8);

  function one(): Perturbation | undefined {
    const kind = pick<PerturbationKind>([
      'kill',
      'restart',
      'pause',
      'disconnect',
      'disconnect',
      'torn-log',
      'lost-disk',
      'equivocate',
    ]);
    const node = pick([...running]);
    const votes = voting.has(node);
    if (votes && !isQuorum(voting.size - 1, voting.size)) return undefined;
    switch (kind) {
      case 'kill':
      case 'restart':
      case 'pause':
        return { kind, node, blocks: blocks() };
      case 'disconnect':
        return { kind, node, blocks: blocks(), how: pick(['cut', 'silence']) };
      case 'torn-log':
        return votes ? { kind, node, blocks: blocks() } : undefined;
      case 'lost-disk':
        return votes ? { kind, node, blocks: blocks(), signs: pick(['record', 'flag']) } : undefined;
      case 'equivocate':
        if (!votes) return undefined;
        voting.delete(node);
        return { kind, node };
      default:
        return undefined;
    }
  }

  while (perturbations.length < PERTURBATIONS) {
    if (perturbations.length === lateAt && !running.has(late)) {
      running.add(late);
      perturbations.push({ kind: 'start', node: late, from });
      continue;
    }
    const drawn = one();
    if (drawn !== undefined) perturbations.push(drawn);
  }
  const manifest: Manifest = {
    name: `seed ${seed}`,
    validators: VALIDATORS,
    fullNodes: FULL_NODES,
    snapshotInterval: 10 + draw(20),
    load: { senders: 1 + draw(3), inFlight: 2 + draw(6) },
    perturbations,
  };
  // What is generated obeys the rules of what is written.
  return parseManifest(JSON.stringify(manifest));
}
