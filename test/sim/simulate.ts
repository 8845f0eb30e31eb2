/**
 * A network of real validators in a simulated world: the product's own shell on virtual clocks, disks, keys and
 * links. First a storm in which everything the seed drew may fail, then calm, in which the chain must move on.
 */
import type { ConsensusParameters } from '../../consensus/parameters.ts';
import type { Address, ValidatorInfo, ValidatorSet } from '../../consensus/types.ts';
import { LAST_SIGNED_FILE } from '../../node/validator/signing.ts';
import { createValidator } from '../../node/validator/validator.ts';
import { WAL_FILE } from '../../node/validator/wal.ts';
import { ACCOUNTS, FUNDS } from './chain.ts';
import { createDisk } from './disk.ts';
import { createFastKit } from './fast-kit.ts';
import { createInvariants, type InvariantName, type Invariants } from './invariants.ts';
import type { Kit, MembershipRule } from './kit.ts';
import { createLinks, type Links } from './links.ts';
import { SIM_PARAMETERS, type SimOptions } from './options.ts';
import { createProcessEnv, type Process, type Surroundings } from './process.ts';
import { createRng, type Rng } from './random.ts';
import { checkReplay } from './replay.ts';
import { createWorld, type World } from './world.ts';

export const START_MS = 1_700_000_000_000;
/** A round was left for one that is not the next: line 55, which has no branch of its own. */
export const SKIP = 'L55 skip to a later round';
/** Blocks every live node must add once the storm is over. */
const HEALED_BLOCKS = 3;
/** More where the set changes, so that whoever has left comes back in some. */
const HEALED_BLOCKS_OF_CHANGE = 9;
/** Patience of an operator with a network that stands still. */
const OPERATOR_MS = 60_000;
/** Longest virtual time for it. Rounds may have become long in the storm, and each proposer that is dead costs one. */
const HEAL_MS = 400_000;

export interface SimResult {
  readonly seed: number;
  readonly passed: boolean;
  /** Each begins with the name of an invariant. */
  readonly problems: readonly string[];
  readonly digest: string;
  readonly events: number;
  readonly height: number;
  /** Highest round in which a block was decided. */
  readonly maxRound: number;
  /** Byzantine validators that evidence was reported against. */
  readonly accused: number;
  /** Branches of the algorithm that were taken, and SKIP. */
  readonly lines: ReadonlySet<string>;
  readonly log: readonly string[];
}

export interface KitParts {
  readonly seed: number;
  readonly powers: readonly number[];
  readonly startMs: number;
  readonly members: MembershipRule;
}

export interface SimSettings {
  readonly createKit?: (parts: KitParts) => Kit | Promise<Kit>;
  readonly parameters?: ConsensusParameters;
  /** The canary: a disk that loses what it said was safe. */
  readonly lyingDisks?: boolean;
  /** Longest virtual time of the healing phase; for canaries, which fail in the storm. */
  readonly healMs?: number;
  /** The first process dies at this effect of its first life. */
  readonly crashAtEffect?: number;
  /** Keep the log lines of all nodes. */
  readonly verbose?: boolean;
}

export async function simulate(options: SimOptions, settings: SimSettings = {}): Promise<SimResult> {
  let kit: Kit | undefined;
  try {
    kit = await (settings.createKit ?? createFastKit)({
      seed: options.seed,
      powers: options.powers,
      startMs: START_MS,
      members: (height, current) => nextMembers(options, kit!, height, current),
    });
    return await new Simulation(options, settings, kit).run();
  } finally {
    await kit?.close();
  }
}

/** Every few blocks change the power of a correct validator, or lets one leave or come back. */
function nextMembers(
  options: SimOptions,
  kit: Kit,
  height: number,
  current: ValidatorSet,
): readonly ValidatorInfo[] | undefined {
  if (options.setChangeEvery === 0 || kit.member === undefined || height % options.setChangeEvery !== 0)
    return undefined;
  const rng = createRng(height, `members ${options.seed}`);
  const choices = options.powers.map((_, i) => i).filter((i) => !options.faulty.includes(i));
  if (choices.length === 0) return undefined;
  const isMember = (i: number) => current.validators.some(({ address }) => address === kit.addresses[i]);
  const absent = choices.filter((i) => !isMember(i));
  const index = rng.pick(absent.length > 0 && rng.chance(0.75) ? absent : choices);
  const others = current.validators.filter((validator) => validator.address !== kit.addresses[index]);
  const left = others.length < current.validators.length;
  const changed = left && rng.chance(0.5) ? others : [...others, kit.member(index, rng.between(7, 16))];
  let faultyPower = 0n;
  let total = 0n;
  for (const validator of changed) {
    total += validator.power;
    if (options.faulty.includes(kit.addresses.indexOf(validator.address))) faultyPower += validator.power;
  }
  return changed.length > 0 && 3n * faultyPower < total ? changed : undefined;
}

class Simulation implements Surroundings {
  readonly options: SimOptions;
  readonly settings: SimSettings;
  readonly kit: Kit;
  readonly world: World;
  readonly rng: Rng;
  readonly links: Links;
  readonly processes: Process[] = [];
  readonly invariants: Invariants;
  readonly log: string[] = [];
  readonly lines = new Set<string>();
  calm = false;

  constructor(options: SimOptions, settings: SimSettings, kit: Kit) {
    this.options = options;
    this.settings = settings;
    this.kit = kit;
    this.world = createWorld(START_MS);
    this.rng = createRng(options.seed, 'world');
    const isByzantine = options.fault === 'twins' || options.fault === 'byzantine';
    const all = options.powers.map((_, i) => i);
    this.invariants = createInvariants({
      honest: new Set(all.filter((i) => !(isByzantine && options.faulty.includes(i)))),
      indexOf: (address) => kit.addresses.indexOf(address as Address),
      setAt: (height) => this.powersAt(height),
      staticPowers: options.setChangeEvery > 0 && kit.member !== undefined ? undefined : options.powers,
      clockSlackMs: options.clockSkewMs + SIM_PARAMETERS.precisionMs + 1,
      ledger: kit.member === undefined ? undefined : { accounts: ACCOUNTS, funds: FUNDS },
    });
    this.links = createLinks({
      options,
      rng: this.rng.fork('net'),
      world: this.world,
      names: this.names(),
      every: (meanMs, work) => this.every(meanMs, work),
    });
  }

  get parameters(): ConsensusParameters {
    return this.settings.parameters ?? SIM_PARAMETERS;
  }

  names(): string[] {
    const { validators, fullNodes, fault, faulty } = this.options;
    const names: string[] = [];
    for (let i = 0; i < validators; i++) {
      names.push(`v${i}`);
      if (fault === 'twins' && faulty.includes(i)) names.push(`v${i}twin`);
    }
    for (let i = 0; i < fullNodes; i++) names.push(`full${i}`);
    return names;
  }

  /** Powers by validator index for a height whose set some process knows. */
  powersAt(height: number): ReadonlyMap<number, bigint> | undefined {
    const set = this.setAt(height);
    return set && new Map(set.validators.map((one) => [this.kit.addresses.indexOf(one.address), one.power]));
  }

  setAt(height: number): ValidatorSet | undefined {
    for (const { chain } of this.processes) {
      const offset = height - chain.head.height;
      if (offset === 1) return chain.head.validators;
      if (offset === 2) return chain.head.nextValidators;
      const set = chain.sets[height - 1];
      if (set !== undefined) return set;
    }
    return undefined;
  }

  fail(name: InvariantName, detail: string): void {
    this.invariants.fail(name, detail);
  }

  say(line: string): void {
    this.world.note(line);
    if (this.settings.verbose) this.log.push(`${this.world.nowMs() - START_MS} ${line}`);
  }

  // ---------------------------------------------------------------- processes

  async addProcess(name: string): Promise<void> {
    const rng = this.rng.fork(name);
    const match = /^v(\d+)/.exec(name);
    const validator = match === null ? undefined : Number(match[1]);
    const isFaulty = validator !== undefined && this.options.faulty.includes(validator);
    const { fault, clockSkewMs } = this.options;
    this.processes.push({
      name,
      validator,
      fault: isFaulty ? fault : 'none',
      honest: !(isFaulty && (fault === 'twins' || fault === 'byzantine')),
      disk: createDisk({
        tears: this.options.diskTears,
        lies: this.settings.lyingDisks === true,
        rng: rng.fork('disk'),
      }),
      chain: await this.kit.openDisk(name),
      skewMs: clockSkewMs === 0 ? 0 : rng.between(-clockSkewMs, clockSkewMs),
      rng,
      life: 0,
      up: false,
      pausedUntilMs: 0,
      effectsLeft:
        name === 'v0' ? (this.settings.crashAtEffect ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY,
      diskFailed: false,
      mustRefuse: undefined,
      ruined: false,
      damaged: false,
      timers: 0,
      requests: 0,
      app: undefined,
      handle: undefined,
      adversary: undefined,
    });
  }

  /** @param keyNeverSigned what an operator who knows the past of the key says */
  boot(process: Process, keyNeverSigned = false): void {
    if (process.ruined || process.up) return;
    process.life++;
    process.up = true;
    process.diskFailed = false;
    process.timers = 0;
    process.requests = 0;
    process.disk.failWith(undefined);
    this.say(`boot ${process.name}`);
    this.checkFiles(process);
    const { life } = process;
    const alive = () => process.up && process.life === life;
    let at = { height: 0, round: 0 };
    try {
      process.handle = createValidator({
        env: createProcessEnv(process, this),
        genesisHash: this.kit.genesisHash,
        parameters: this.parameters,
        keyNeverSigned,
        onProgress: (height, round, branch) => {
          this.lines.add(branch);
          if (height === at.height && round > at.round + 1) this.lines.add(SKIP);
          at = { height, round };
          if (process.honest) this.invariants.onBranch(process.name, height, round, branch);
          this.say(`${process.name} ${height}/${round} ${branch}`);
        },
        onHalt: (message) => {
          if (alive()) this.onStopped(process, 'HALTED', message);
        },
      });
      if (alive() && process.mustRefuse !== undefined)
        this.fail('DAMAGE UNNOTICED', `${process.name} started with a damaged ${process.mustRefuse}`);
      void process.handle.start().catch((error) => {
        if (alive()) this.onStopped(process, 'DID NOT START', String(error));
      });
    } catch (error) {
      if (alive()) this.onStopped(process, 'DID NOT START', String(error));
    }
  }

  /** What the operator does when the node has stopped with a message. */
  onStopped(process: Process, name: InvariantName, message: string): void {
    this.say(`${process.name} stopped: ${message}`);
    const { mustRefuse } = process;
    const offset = /WAL_DAMAGED.* at offset (\d+)|\(offset (\d+)\)/.exec(message);
    if (process.damaged && offset !== null) {
      process.mustRefuse = undefined;
      process.disk.cut(WAL_FILE, Number(offset[1] ?? offset[2]));
    } else if (mustRefuse === 'record' && message.includes('LAST_SIGNED_DAMAGED')) {
      process.mustRefuse = undefined;
      process.ruined = true;
    } else if (!process.diskFailed && process.honest) {
      this.fail(name, `${process.name}: ${message}`);
      return;
    }
    this.kill(process);
  }

  /** An auditor with a copy of the files. */
  checkFiles(process: Process): void {
    const log = process.disk.content(WAL_FILE);
    const { validator } = process;
    if (validator === undefined || process.damaged || log === undefined || log.length === 0) return;
    const found = checkReplay({
      log,
      lastSigned: process.disk.content(LAST_SIGNED_FILE),
      head: process.chain.head,
      self: this.kit.addresses[validator]!,
      parameters: this.parameters,
      genesisHash: this.kit.genesisHash,
    });
    if (found !== undefined) this.fail(found.name, `${process.name}: ${found.detail}`);
    this.invariants.onLoad(process.name, { timers: 0, requests: 0, messageBytes: 0, logBytes: log.length });
  }

  kill(process: Process): void {
    if (!process.up) return;
    process.up = false;
    process.handle = undefined;
    process.app = undefined;
    process.effectsLeft = Number.POSITIVE_INFINITY;
    process.pausedUntilMs = 0;
    this.say(`kill ${process.name}`);
    process.disk.afterCrash(process.rng);
    const downMs = process.rng.between(1, this.options.downMs);
    const inStorm = !this.calm;
    this.world.at(this.world.nowMs() + downMs, () => {
      // Not before: the dead process may be in the middle of a step, which it ends without effect on anybody. Nor when the
      // calm has brought it back already.
      if (inStorm && !process.up) this.mayDamage(process);
      if (!this.isDead(process)) this.boot(process);
    });
  }

  /** Only nodes that may be lost lose what was promised: validators with less than a third of the power, full nodes. */
  mayDamage(process: Process): void {
    const { bitFlipChance, wipeChance, logLossChance } = this.options;
    const { rng, disk, fault } = process;
    if (process.validator !== undefined && fault !== 'lost' && fault !== 'rotten') return;
    if (fault === 'rotten') {
      if (rng.chance(bitFlipChance) && disk.flipBit(LAST_SIGNED_FILE, rng) !== undefined) {
        process.mustRefuse = 'record';
        process.damaged = true;
      }
      return;
    }
    if (rng.chance(wipeChance)) {
      disk.wipe(process.validator === undefined ? [] : [LAST_SIGNED_FILE]);
      this.world.hold(Promise.resolve(process.chain.wipe()));
      this.invariants.onWipe(process.name);
      process.damaged = true;
      process.mustRefuse = undefined;
    } else if (rng.chance(logLossChance)) {
      disk.cut(WAL_FILE, 0);
      process.damaged = true;
      process.mustRefuse = undefined;
      // What it does about that must hold after one more restart.
      this.world.at(this.world.nowMs() + rng.between(100, 3_000), () => {
        if (!this.calm) this.kill(process);
      });
    } else if (rng.chance(bitFlipChance)) {
      const log = disk.content(WAL_FILE);
      const at = disk.flipBit(WAL_FILE, rng);
      if (log === undefined || at === undefined) return;
      process.damaged = true;
      if (hasSmallRecordAfter(log, at)) process.mustRefuse = 'log';
    }
  }

  isDead(process: Process): boolean {
    return this.calm && process.fault === 'dead';
  }

  // ---------------------------------------------------------------- the storm

  /** Repeats something at random times until calm. */
  every(meanMs: number, work: () => void): void {
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
    const anyUp = (): Process | undefined => {
      const process = rng.pick(this.processes);
      return process.up ? process : undefined;
    };
    this.every(options.crashEveryMs, () => {
      const process = anyUp();
      if (process === undefined) return;
      if (rng.chance(options.crashAtEffectChance)) process.effectsLeft = rng.between(1, 60);
      else this.kill(process);
    });
    this.every(options.pauseEveryMs, () => {
      const process = anyUp();
      if (process !== undefined) process.pausedUntilMs = world.nowMs() + rng.between(1, options.pauseMs);
    });
    this.every(options.diskErrorEveryMs, () => anyUp()?.disk.failWith(options.diskError));
    if (options.clockSkewMs > 0)
      this.every(4_000, () => {
        rng.pick(this.processes).skewMs = rng.between(-options.clockSkewMs, options.clockSkewMs);
      });
  }

  /** Liars do not stop when the weather gets better. */
  stirAdversaries(): void {
    for (const process of this.processes) {
      if (process.fault !== 'byzantine') continue;
      const again = () => {
        this.world.at(this.world.nowMs() + process.rng.between(50, 600), () => {
          if (process.up && this.world.nowMs() >= process.pausedUntilMs) process.adversary?.stir();
          again();
        });
      };
      again();
    }
  }

  /** Transactions arrive at one node and reach the others as gossip does. */
  sendTransactions(): void {
    if (this.options.transactionEveryMs === 0) return;
    const next = () => {
      this.world.at(this.world.nowMs() + this.rng.between(1, 2 * this.options.transactionEveryMs), () => {
        const transaction = this.kit.transaction(this.rng, this.invariants.isIncluded);
        const first = this.rng.pick(this.processes);
        first.app?.addTransaction(transaction);
        for (const other of this.processes)
          for (const delayMs of other === first ? [] : this.links.delays(first.name, other.name))
            this.world.at(this.world.nowMs() + delayMs, () => other.app?.addTransaction(transaction));
        next();
      });
    };
    next();
  }

  // ---------------------------------------------------------------- run

  async run(): Promise<SimResult> {
    const { options, world, invariants } = this;
    const broken = () => invariants.violations.length > 0;
    for (const name of this.names()) await this.addProcess(name);
    for (const process of this.processes)
      world.at(world.nowMs() + process.rng.between(0, 300), () => this.boot(process));
    this.startStorm();
    this.stirAdversaries();
    this.sendTransactions();
    await world.run(START_MS + options.stormMs, broken);
    if (!broken()) await this.heal();
    for (const process of this.processes) void process.handle?.stop();
    return {
      seed: options.seed,
      passed: !broken(),
      problems: invariants.violations,
      digest: world.digest(),
      events: world.events(),
      height: invariants.tallest(),
      maxRound: Math.max(0, ...invariants.rounds.values()),
      accused: invariants.accused.size,
      lines: this.lines,
      log: this.log,
    };
  }

  async heal(): Promise<void> {
    const { world, invariants } = this;
    this.calm = true;
    this.links.calm();
    const precise = Math.min(this.options.clockSkewMs, SIM_PARAMETERS.precisionMs / 2);
    for (const process of this.processes) {
      process.effectsLeft = Number.POSITIVE_INFINITY;
      process.pausedUntilMs = 0;
      process.skewMs = process.rng.between(-precise, precise);
      if (!process.diskFailed) process.disk.failWith(undefined);
      if (this.isDead(process)) this.kill(process);
      else this.boot(process);
    }
    const before = invariants.tallest();
    const blocks = this.options.setChangeEvery > 0 ? HEALED_BLOCKS_OF_CHANGE : HEALED_BLOCKS;
    const goal = before + blocks;
    const places = () => this.processes.map((process) => process.handle?.status());
    let startRounds = places();
    const live = () => this.processes.filter((one) => one.honest && !this.isDead(one) && !one.ruined);
    /** Heights that began when everybody was in the one before, or done with it. */
    const together: number[] = [];
    let tallest = before;
    const done = () => {
      if (invariants.tallest() > tallest) {
        tallest = invariants.tallest();
        if (this.areTogether(tallest)) together.push(tallest + 1);
      }
      return (
        invariants.violations.length > 0 ||
        live().every((process) => process.chain.head.height >= goal && this.isVoting(process))
      );
    };
    const healMs = this.settings.healMs ?? HEAL_MS;
    const endMs = world.nowMs() + healMs;
    if (!(await world.run(world.nowMs() + OPERATOR_MS, done))) {
      const now = places();
      // Until then too many may have been silent: rounds count from here.
      if (this.vouchForNewKeys() > 0) startRounds = [...startRounds, ...now];
    }
    if (await world.run(endMs, done)) {
      if (invariants.violations.length === 0) this.checkRounds(before, goal, startRounds);
      if (invariants.violations.length === 0) this.checkFirstRounds(together);
      return;
    }
    const heads = live().map((process) => {
      const status = process.handle?.status();
      return `${process.name}: head ${process.chain.head.height}, ${status === undefined ? 'down' : `${status.height}/${status.round} ${status.step}${status.voting ? '' : ' silent'}`}`;
    });
    this.fail(
      'NO PROGRESS',
      `${blocks} more blocks than ${before} wanted within ${healMs / 1000} s of calm; ${heads.join('; ')}`,
    );
  }

  /**
   * A node that died before its first start was over has a key of unknown past, and rests for two heights. With others
   * dead, that can be too much silence for those heights ever to end. The node says so, and its operator knows better.
   * @returns how many were started anew
   */
  vouchForNewKeys(): number {
    let count = 0;
    for (const process of this.processes) {
      const { validator } = process;
      if (validator === undefined || !process.honest || this.isVoting(process)) continue;
      if (this.isDead(process) || this.invariants.hasSigned(validator)) continue;
      this.kill(process);
      this.boot(process, true);
      count++;
    }
    return count;
  }

  /** Whoever is in the set takes part again. */
  isVoting(process: Process): boolean {
    const status = process.handle?.status();
    if (status === undefined) return false;
    if (status.voting || process.validator === undefined) return true;
    const address = this.kit.addresses[process.validator];
    return !process.chain.head.validators.validators.some((one) => one.address === address);
  }

  /**
   * Liveness in rounds: once calm, a height needs at most one turn of each proposer that is dead, silent or
   * byzantine, and one more of a correct one; the height in progress may first have to end the rounds it is in.
   * Rounds are lost, too, until a time stamp from a fast clock is past, and until timeouts outgrow a slow network.
   */
  checkRounds(
    before: number,
    goal: number,
    startRounds: readonly ({ height: number; round: number } | undefined)[],
  ): void {
    const { validators, clockSkewMs, calmDelayMs } = this.options;
    const skewRounds = clockSkewMs > SIM_PARAMETERS.precisionMs ? Math.ceil((2 * clockSkewMs) / 400) : 0;
    const slowRounds = calmDelayMs > 100 ? Math.ceil((4 * calmDelayMs) / SIM_PARAMETERS.timeoutDeltaMs) : 0;
    const rounds = validators + 6 + skewRounds + slowRounds;
    for (let height = before + 1; height <= goal; height++) {
      let from = 0;
      for (const status of startRounds)
        if (status !== undefined && status.height === height) from = Math.max(from, status.round);
      const decided = this.invariants.rounds.get(height) ?? 0;
      if (decided > from + rounds)
        this.fail(
          'SLOW',
          `height ${height} was decided in round ${decided}, in calm from round ${from} on; at most ${rounds} more allowed`,
        );
    }
  }

  /**
   * Where nothing is wrong with anybody, the first proposer of a height is heard in time, with transactions or without:
   * a chain that needs its timeouts to go on would make blocks, too, only slowly.
   */
  checkFirstRounds(heights: readonly number[]): void {
    if (!isFairWeather(this.options)) return;
    for (const height of heights) {
      const decided = this.invariants.rounds.get(height) ?? 0;
      if (decided > 0)
        this.fail('LAZY', `height ${height} began in calm and was decided in round ${decided}`);
    }
  }

  /** Every validator takes part and has the block before this one. */
  areTogether(height: number): boolean {
    return this.processes.every(
      (process) =>
        process.validator === undefined ||
        (process.up && process.chain.head.height >= height - 1 && this.isVoting(process)),
    );
  }
}

/**
 * Once calm, no round has a reason to fail. That asks for equal pools: a transaction that the storm kept from the next
 * proposer makes all others wait for a block that this one sees no need for, until they give the round up.
 */
function isFairWeather(options: SimOptions): boolean {
  const { fault, calmDelayMs, clockSkewMs, transactionEveryMs } = options;
  if (fault !== 'none' || calmDelayMs > 100 || clockSkewMs > SIM_PARAMETERS.precisionMs / 2) return false;
  if (transactionEveryMs === 0) return true;
  const { lossChance, stragglerChance, partitionEveryMs, clogEveryMs, delayMs } = options;
  const { crashEveryMs, pauseEveryMs, diskErrorEveryMs } = options;
  const wind = lossChance + stragglerChance + partitionEveryMs + clogEveryMs;
  return wind + crashEveryMs + pauseEveryMs + diskErrorEveryMs === 0 && delayMs[1] <= 80;
}

/** Whether a whole record of at most 512 bytes begins after `at`: length u32, checksum u32, then length bytes. */
function hasSmallRecordAfter(log: Uint8Array, at: number): boolean {
  const view = new DataView(log.buffer, log.byteOffset, log.byteLength);
  for (let start = 0; start + 8 <= log.length; ) {
    const length = view.getUint32(start);
    if (start > at && length <= 512 && start + 8 + length <= log.length) return true;
    start += 8 + length;
  }
  return false;
}
