/** Manifests from seeds: everything that can happen to a network, one or two at a time, in an order that leaves it a quorum. */
import {
  LOAD_KINDS,
  type LoadKind,
  type Manifest,
  ManifestError,
  names,
  type Perturbation,
  type PerturbationKind,
  parseManifest,
  serialiseManifest,
} from './manifest.ts';

const FULL_NODES = 2;
/** So short that twenty of them take a quarter of an hour. */
const STEPS = 3;
/** Drawn in turn, so that seeds that follow each other see all of them. */
const KINDS: readonly PerturbationKind[] = [
  'kill',
  'start',
  'equivocate',
  'pause',
  'lost-disk',
  'join',
  'disconnect',
  'torn-log',
  'leave',
  'restart',
];
/** A step that fits is found long before; a draw is cheap. */
const MAX_DRAWS = 1_000;

type Draw = (below: number) => number;

/** Deterministic 32-bit generator (mulberry32): the same seed gives the same manifest on every machine. */
function generator(seed: number): Draw {
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
  // Seven validators survive two faults at a time; they take twice the time of four.
  const validators = draw(5) === 0 ? 7 : 4;
  let manifest: Manifest = {
    name: `seed ${seed}`,
    validators,
    powers:
      draw(4) === 0 ? Array.from({ length: validators }, () => 2 + draw(2)) : new Array(validators).fill(1),
    fullNodes: FULL_NODES,
    snapshotInterval: 5 + draw(5),
    load: { senders: 1 + draw(3), inFlight: 2 + draw(5), kinds: drawLoad(draw) },
    steps: [],
  };
  for (let step = 0; step < STEPS; step++) {
    // What must be tried comes from the seed, what goes with it by chance.
    const due = KINDS[(seed * STEPS + step) % KINDS.length] as PerturbationKind;
    manifest = withStep(manifest, due, draw);
  }
  return manifest;
}

function drawLoad(draw: Draw): LoadKind[] {
  return LOAD_KINDS.filter((kind) => kind === 'transfer' || draw(2) === 0);
}

/** With one step more: what is generated obeys the rules of what is written. */
function withStep(manifest: Manifest, due: PerturbationKind, draw: Draw): Manifest {
  const nodes = [...names('validator', manifest.validators), ...names('full', manifest.fullNodes)];
  for (let attempt = 0; attempt < MAX_DRAWS; attempt++) {
    // Where the story has no place for what is due, something else comes.
    const kind = attempt < MAX_DRAWS / 2 ? due : pick(KINDS, draw);
    const more = Array.from({ length: draw(3) }, () =>
      perturbation(pick(KINDS, draw), pick(nodes, draw), draw),
    );
    const step = [perturbation(kind, pick(nodes, draw), draw), ...more];
    try {
      return parseManifest(serialiseManifest({ ...manifest, steps: [...manifest.steps, step] }));
    } catch (error) {
      if (!(error instanceof ManifestError)) throw error;
    }
  }
  throw new Error(`${manifest.name}: no step fits`);
}

function perturbation(kind: PerturbationKind, node: string, draw: Draw): Perturbation {
  const blocks = 2 + draw(4);
  switch (kind) {
    case 'kill':
    case 'restart':
    case 'torn-log':
      // Some come back at once, so that all may go at the same time.
      return { kind, node, blocks: draw(4) === 0 ? 0 : blocks };
    case 'pause':
      return { kind, node, blocks };
    case 'disconnect':
      return { kind, node, blocks, how: pick(['cut', 'silence'], draw) };
    case 'lost-disk':
      return {
        kind,
        node,
        blocks,
        signs: node.startsWith('full') && draw(2) === 0 ? undefined : pick(['record', 'flag'], draw),
      };
    case 'start':
      return { kind, node, from: pick(['snapshot', 'blocks'], draw) };
    case 'join':
    case 'leave':
    case 'equivocate':
      return { kind, node };
  }
}

function pick<T>(all: readonly T[], draw: Draw): T {
  return all[draw(all.length)] as T;
}
