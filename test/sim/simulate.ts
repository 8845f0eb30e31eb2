/**
 * A network of real validators in a simulated world: the product's own shell on virtual clocks, disks, keys and
 * links. First a storm in which everything the seed drew may fail, then calm, in which the chain must move on.
 */
import type { ConsensusParameters } from '../../consensus/parameters.ts';
import type { Branch } from '../../consensus/state-machine/state.ts';
import type { Address, Hash, ValidatorInfo, ValidatorSet } from '../../consensus/types.ts';
import { createValidatorSet } from '../../consensus/validator-set/set.ts';
import type { GossipKind, Net, PeerId, RequestKind, ValidatorHandle } from '../../node/validator/ports.ts';
import { createValidator as createRealValidator } from '../../node/validator/validator.ts';
import {
  type ChainDisk,
  type ChainRules,
  createChainDisk,
  createSimApp,
  hashOf,
  type SimApp,
} from './chain.ts';
import { createDisk, type Disk } from './disk.ts';
import { fakeBls, fakePublicKey, fakeSigner } from './fake-bls.ts';
import { createInvariants, type Invariants } from './invariants.ts';
import { SIM_PARAMETERS, type SimOptions } from './options.ts';
import { createRng, type Rng } from './random.ts';
import { createWorld, type World } from './world.ts';

const START_MS = 1_700_000_000_000;
const REQUEST_TIMEOUT_MS = 800;
/** Blocks every live node must add once the storm is over. */
const HEALED_BLOCKS = 3;
/** Longest virtual time for it. Rounds may have become long in the storm, and each proposer that is dead costs one. */
const HEAL_MS = 180_000;

export interface SimResult {
  readonly seed: number;
  readonly passed: boolean;
  readonly problems: readonly string[];
  readonly digest: string;
  readonly events: number;
  readonly height: number;
  /** Highest round in which a block was decided. */
  readonly maxRound: number;
  readonly evidence: number;
  readonly branches: ReadonlySet<Branch>;
  readonly log: readonly string[];
}

export interface SimSettings {
  readonly createValidator?: typeof createRealValidator;
  readonly parameters?: ConsensusParameters;
  /** The canary: a disk that loses what it said was safe. */
  readonly lyingDisks?: boolean;
  /** Keep the log lines of all nodes. */
  readonly verbose?: boolean;
}

/** One process. A twin is a second process with the same key. */
interface Process {
  readonly name: PeerId;
  readonly validator: number | undefined;
  readonly honest: boolean;
  readonly disk: Disk;
  chain: ChainDisk;
  readonly skewMs: number;
  readonly rng: Rng;
  /** Counts lives; what an earlier life started is void. */
  life: number;
  up: boolean;
  app: SimApp | undefined;
  handle: ValidatorHandle | undefined;
}

export async function simulate(options: SimOptions, settings: SimSettings = {}): Promise<SimResult> {
  const sim = new Simulation(options, settings);
  return await sim.run();
}

class Simulation {
  readonly options: SimOptions;
  readonly settings: SimSettings;
  readonly world: World;
  readonly rng: Rng;
  readonly netRng: Rng;
  readonly processes: Process[] = [];
  readonly genesis: ValidatorSet;
  readonly addresses: Address[];
  readonly rules: ChainRules;
  readonly genesisHash: Hash;
  readonly invariants: Invariants;
  readonly problems: string[] = [];
  readonly log: string[] = [];
  readonly branches = new Set<Branch>();
  /** Group of each process while a partition lasts. */
  groups: Map<PeerId, number> | undefined;
  calm = false;
  evidence = 0;
  transactionCount = 0;

  constructor(options: SimOptions, settings: SimSettings) {
    this.options = options;
    this.settings = settings;
    this.world = createWorld(START_MS);
    this.rng = createRng(options.seed, 'world');
    this.netRng = this.rng.fork('net');
    this.addresses = options.powers.map((_, i) => `0x${(i + 1).toString(16).padStart(40, '0')}` as Address);
    const members = options.powers.map((power, i) => this.member(i, power));
    this.genesis = createValidatorSet(members.map((member) => ({ ...member, priority: 0n })));
    this.genesisHash = hashOf(Buffer.from(`genesis ${options.seed}`));
    this.rules = {
      genesisHash: this.genesisHash,
      members: (height, current) => this.nextMembers(height, current),
    };
    const byzantine = new Set(options.twins);
    this.invariants = createInvariants({
      honest: new Set(options.powers.map((_, i) => i).filter((i) => !byzantine.has(i))),
      isByzantine: (i) => byzantine.has(i),
      indexOf: (address) => this.addresses.indexOf(address as Address),
      setAt: (height) => this.powersAt(height),
    });
  }

  member(index: number, power: number): ValidatorInfo {
    return {
      address: this.addresses[index]!,
      blsPublicKey: fakePublicKey(index),
      power: BigInt(power),
      recipient: this.addresses[index]!,
    };
  }

  /** Every fifth block changes the power of a correct validator, or lets one leave or come back. */
  nextMembers(height: number, current: ValidatorSet): readonly ValidatorInfo[] | undefined {
    const { options } = this;
    if (!options.setChanges || height % 5 !== 0) return undefined;
    const rng = createRng(height, `members ${options.seed}`);
    const faulty = new Set([...options.twins, ...options.dead]);
    const choices = options.powers.map((_, i) => i).filter((i) => !faulty.has(i));
    if (choices.length === 0) return undefined;
    const index = rng.pick(choices);
    const others = current.validators.filter((validator) => validator.address !== this.addresses[index]);
    const left = others.length < current.validators.length;
    const changed = left && rng.chance(0.4) ? others : [...others, this.member(index, rng.between(7, 16))];
    let faultyPower = 0n;
    let total = 0n;
    for (const validator of changed) {
      total += validator.power;
      if (faulty.has(this.addresses.indexOf(validator.address))) faultyPower += validator.power;
    }
    return changed.length > 0 && 3n * faultyPower < total ? changed : undefined;
  }

  /** Powers by validator index for a height whose set some process knows. */
  powersAt(height: number): ReadonlyMap<number, bigint> | undefined {
    for (const { chain } of this.processes) {
      const offset = height - chain.head.height;
      const set =
        offset === 1
          ? chain.head.validators
          : offset === 2
            ? chain.head.nextValidators
            : chain.sets[height - 1];
      if (set !== undefined && offset <= 2)
        return new Map(set.validators.map((one) => [this.addresses.indexOf(one.address), one.power]));
    }
    return undefined;
  }

  // ---------------------------------------------------------------- processes

  addProcess(name: string, validator: number | undefined, honest: boolean): void {
    const rng = this.rng.fork(name);
    const { clockSkewMs } = this.options;
    this.processes.push({
      name,
      validator,
      honest,
      disk: createDisk({ tears: this.options.diskTears, lies: this.settings.lyingDisks === true }),
      chain: createChainDisk(this.rules, this.genesis, START_MS),
      skewMs: clockSkewMs === 0 ? 0 : rng.between(-clockSkewMs, clockSkewMs),
      rng,
      life: 0,
      up: false,
      app: undefined,
      handle: undefined,
    });
  }

  boot(process: Process): void {
    const { world, options } = this;
    const life = ++process.life;
    process.up = true;
    world.note(`boot ${process.name}`);
    const alive = () => process.up && process.life === life;
    const app = createSimApp({
      world,
      rng: process.rng.fork(`app ${life}`),
      disk: process.chain,
      rules: this.rules,
      faults: {
        // In calm, data is there: how long it may take is not for consensus to promise.
        unknownChance: () => (this.calm ? 0 : options.unknownChance),
        unknownMs: options.unknownMs,
        announces: options.announcesReady,
        executeMs: options.executeMs,
        brokenBlocks: process.honest ? 0 : options.brokenBlocks,
      },
      alive,
      onBuilt: (blockHash, block) => this.invariants.onBuilt(blockHash, block.height, block.parent),
      onCommit: (height, blockHash, certificate, set) => {
        world.note(`commit ${process.name} ${height} ${blockHash}`);
        if (process.honest) this.invariants.onCommit(process.name, height, blockHash, certificate, set);
      },
      onEvidence: () => {
        this.evidence++;
      },
    });
    process.app = app;
    const { validator } = process;
    const signer =
      validator === undefined
        ? undefined
        : fakeSigner(this.addresses[validator]!, fakePublicKey(validator), (message) => {
            if (alive()) this.invariants.onSign(validator, message);
          });
    const random = process.rng.fork(`shell ${life}`);
    const create = this.settings.createValidator ?? createRealValidator;
    const env = {
      clock: {
        nowMs: () => world.nowMs() + process.skewMs,
        setTimer: (delayMs: number, run: () => void) => {
          const event = world.at(world.nowMs() + delayMs, () => {
            if (alive()) run();
          });
          return () => event.cancel();
        },
      },
      random: { int: (below: number) => random.int(below) },
      storage: process.disk.mount(alive, () => this.kill(process)),
      bls: fakeBls,
      app,
      net: this.netOf(process, alive),
      log: (level: string, message: string) => {
        world.note(message);
        if (this.settings.verbose)
          this.log.push(`${world.nowMs() - START_MS} ${process.name} ${level} ${message}`);
      },
    };
    try {
      const handle = create({
        env: signer === undefined ? env : { ...env, signer },
        genesisHash: this.genesisHash,
        parameters: this.settings.parameters ?? SIM_PARAMETERS,
        onProgress: (height, round, branch) => {
          this.branches.add(branch);
          world.note(`${process.name} ${height}/${round} ${branch}`);
          if (this.settings.verbose)
            this.log.push(`${world.nowMs() - START_MS} ${process.name} ${height}/${round} ${branch}`);
        },
        onHalt: (message) => {
          if (alive() && process.honest) this.problems.push(`HALTED: ${process.name}: ${message}`);
        },
      });
      process.handle = handle;
      void handle.start().catch((error) => {
        if (alive()) this.problems.push(`START FAILED: ${process.name}: ${error}`);
      });
    } catch (error) {
      if (alive()) this.problems.push(`DID NOT START: ${process.name}: ${error}`);
    }
  }

  kill(process: Process): void {
    if (!process.up) return;
    process.up = false;
    process.handle = undefined;
    process.app = undefined;
    this.world.note(`kill ${process.name}`);
    process.disk.afterCrash(process.rng);
    const { wipeChance, downMs } = this.options;
    // A new disk under an old key would be the operator's mistake; only nodes without a key lose theirs.
    if (process.validator === undefined && process.rng.chance(wipeChance)) {
      process.disk.wipe();
      process.chain = createChainDisk(this.rules, this.genesis, START_MS);
    }
    this.world.at(this.world.nowMs() + process.rng.between(1, downMs), () => {
      if (!process.up && !this.isDead(process)) this.boot(process);
    });
  }

  isDead(process: Process): boolean {
    return this.calm && process.validator !== undefined && this.options.dead.includes(process.validator);
  }

  // ---------------------------------------------------------------- network

  netOf(process: Process, alive: () => boolean): Net {
    const { world } = this;
    return {
      broadcast: (kind, bytes) => {
        if (!alive()) return;
        world.note(`${process.name} ${kind}`);
        world.noteBytes(bytes.subarray(0, 256));
        for (const peer of this.processes) if (peer !== process) this.gossip(process, peer, kind, bytes);
      },
      peers: () => this.processes.filter((peer) => peer !== process && peer.up).map((peer) => peer.name),
      request: (peer, kind, payload) => this.request(process, peer, kind, payload, alive),
      penalise: (peer, code) => {
        world.note(`penalty ${peer} ${code}`);
        const culprit = this.processes.find((one) => one.name === peer);
        if (alive() && process.honest && culprit?.honest && this.options.twins.length === 0)
          this.problems.push(`BLAMED THE INNOCENT: ${process.name} penalised ${peer} for ${code}`);
      },
    };
  }

  /** Whether a message gets through, and after how long. */
  delays(from: Process, to: Process): number[] {
    const { options, netRng } = this;
    if (this.isCut(from, to)) return [];
    const [low, high] = options.delayMs;
    if (this.calm) return [netRng.between(1, Math.min(high, 40))];
    if (netRng.chance(options.lossChance)) return [];
    const one = () =>
      netRng.between(low, high) +
      (netRng.chance(options.stragglerChance) ? netRng.int(options.stragglerMs) : 0);
    return netRng.chance(options.duplicateChance) ? [one(), one()] : [one()];
  }

  isCut(from: Process, to: Process): boolean {
    if (this.groups === undefined) return false;
    const [a, b] = [this.groups.get(from.name)!, this.groups.get(to.name)!];
    return this.options.partitionOneWay ? a < b : a !== b;
  }

  gossip(from: Process, to: Process, kind: GossipKind, bytes: Uint8Array): void {
    for (const delayMs of this.delays(from, to))
      this.world.at(this.world.nowMs() + delayMs, () => {
        void to.handle?.onGossip(kind, bytes, from.name);
      });
  }

  request(
    from: Process,
    peer: PeerId,
    kind: RequestKind,
    payload: Uint8Array,
    alive: () => boolean,
  ): Promise<Uint8Array | undefined> {
    const to = this.processes.find((one) => one.name === peer)!;
    return new Promise((resolve) => {
      let settled = false;
      const settle = (answer: Uint8Array | undefined) => {
        if (settled || !alive()) return;
        settled = true;
        resolve(answer);
      };
      this.world.at(this.world.nowMs() + REQUEST_TIMEOUT_MS, () => settle(undefined));
      for (const delayMs of this.delays(from, to).slice(0, 1))
        this.world.at(this.world.nowMs() + delayMs, () => {
          void to.handle?.onRequest(kind, payload, from.name).then((answer) => {
            for (const backMs of this.delays(to, from).slice(0, 1))
              this.world.at(this.world.nowMs() + backMs, () => settle(answer));
          });
        });
    });
  }

  // ---------------------------------------------------------------- the storm

  /** Repeats something at random times until calm. */
  everyNow(meanMs: number, work: () => void): void {
    if (meanMs === 0) return;
    const again = () => {
      this.world.at(this.world.nowMs() + this.rng.between(1, 2 * meanMs), () => {
        if (this.calm) return;
        work();
        again();
      });
    };
    again();
  }

  startStorm(): void {
    const { options, rng, world } = this;
    this.everyNow(options.crashEveryMs, () => {
      const process = rng.pick(this.processes);
      if (!process.up) return;
      if (rng.chance(options.crashAtWriteChance)) process.disk.crashAtWrite(rng.between(1, 12));
      else this.kill(process);
    });
    this.everyNow(options.partitionEveryMs, () => {
      if (this.groups !== undefined) return;
      this.groups = new Map(this.processes.map((process) => [process.name, rng.int(2)]));
      world.note('partition');
      world.at(world.nowMs() + rng.between(1, options.partitionMs), () => {
        this.groups = undefined;
      });
    });
  }

  /** Transactions arrive at one node and reach the others as gossip does. */
  sendTransactions(): void {
    const next = () => {
      this.world.at(this.world.nowMs() + this.rng.between(1, 2 * this.options.transactionEveryMs), () => {
        const transaction = `tx-${this.transactionCount++}`;
        const first = this.rng.pick(this.processes);
        first.app?.addTransaction(transaction);
        for (const other of this.processes)
          for (const delayMs of other === first ? [] : this.delays(first, other))
            this.world.at(this.world.nowMs() + delayMs, () => other.app?.addTransaction(transaction));
        next();
      });
    };
    next();
  }

  // ---------------------------------------------------------------- run

  async run(): Promise<SimResult> {
    const { options, world } = this;
    const twins = new Set(options.twins);
    for (let i = 0; i < options.validators; i++) {
      this.addProcess(`v${i}`, i, !twins.has(i));
      if (twins.has(i)) this.addProcess(`v${i}twin`, i, false);
    }
    for (let i = 0; i < options.fullNodes; i++) this.addProcess(`full${i}`, undefined, true);
    for (const process of this.processes)
      world.at(world.nowMs() + process.rng.between(0, 300), () => this.boot(process));
    this.startStorm();
    this.sendTransactions();
    await world.run(START_MS + options.stormMs, () => this.problems.length > 0);
    if (this.problems.length === 0) await this.heal();
    const problems = [...this.invariants.violations, ...this.problems];
    return {
      seed: options.seed,
      passed: problems.length === 0,
      problems,
      digest: world.digest(),
      events: world.events(),
      height: this.invariants.tallest(),
      maxRound: Math.max(0, ...this.invariants.rounds.values()),
      evidence: this.evidence,
      branches: this.branches,
      log: this.log,
    };
  }

  async heal(): Promise<void> {
    const { world } = this;
    this.calm = true;
    this.groups = undefined;
    for (const process of this.processes) {
      process.disk.crashAtWrite(Number.POSITIVE_INFINITY);
      if (this.isDead(process)) this.kill(process);
      else if (!process.up) this.boot(process);
    }
    const before = this.invariants.tallest();
    const goal = before + HEALED_BLOCKS;
    const startRounds = new Map(this.processes.map((process) => [process.name, process.handle?.status()]));
    const live = this.processes.filter((process) => process.honest && !this.isDead(process));
    const done = () => this.problems.length > 0 || live.every((process) => process.chain.head.height >= goal);
    if (!(await world.run(world.nowMs() + HEAL_MS, done))) {
      const heads = live.map((process) => {
        const status = process.handle?.status();
        return `${process.name}: head ${process.chain.head.height}, ${status === undefined ? 'down' : `${status.height}/${status.round} ${status.step}${status.voting ? '' : ' silent'}`}`;
      });
      this.problems.push(
        `NO PROGRESS: ${HEALED_BLOCKS} more blocks than ${before} wanted within ${HEAL_MS / 1000} s of calm; ${heads.join('; ')}`,
      );
      return;
    }
    this.checkRounds(before, goal, startRounds);
  }

  /**
   * Liveness in rounds: once calm, a height needs at most one turn of each proposer that is dead, silent or
   * byzantine, and one more of a correct one; the height in progress may first have to end the rounds it is in.
   */
  checkRounds(
    before: number,
    goal: number,
    startRounds: ReadonlyMap<string, { height: number; round: number } | undefined>,
  ): void {
    const rounds = this.options.validators + 6;
    for (let height = before + 1; height <= goal; height++) {
      let from = 0;
      for (const status of startRounds.values())
        if (status !== undefined && status.height === height) from = Math.max(from, status.round);
      const decided = this.invariants.rounds.get(height) ?? 0;
      if (decided > from + rounds)
        this.problems.push(
          `SLOW: height ${height} was decided in round ${decided}, in calm from round ${from} on; at most ${rounds} more allowed`,
        );
    }
  }
}
