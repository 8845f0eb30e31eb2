/** The modules that a chain runs, and what the protocol itself does around the transactions of a block. */
import { attestationModule } from './attestation/index.ts';
import { applyOperation, type Consumers, sweepSubjects } from './attestation/subjects.ts';
import type { ModuleDefinition, ModuleHooks } from './context.ts';
import { sweepCommits } from './contribution/apply.ts';
import { contributionModule } from './contribution/index.ts';
import { approvalConsumer } from './contribution/queue.ts';
import { dataNetModule } from './datanet/index.ts';
import { inferenceModule } from './inference/index.ts';
import { modelModule } from './model/index.ts';
import { rootConsumer } from './model/roots.ts';
import { trainingConsumer } from './model/training.ts';
import { rewardModule } from './reward/index.ts';
import { countAbsent } from './staking/downtime.ts';
import { punishEquivocation } from './staking/evidence.ts';
import { stakingModule } from './staking/index.ts';
import { advanceSets, bondsOf, foundStaking, rememberCertificate, validatorSets } from './staking/sets.ts';
import { STAKING_ADDRESS } from './staking/storage.ts';

export const modules: readonly ModuleDefinition[] = [
  dataNetModule,
  contributionModule,
  modelModule,
  inferenceModule,
  attestationModule,
  stakingModule,
  rewardModule,
];

/** Whose objects validators attest. */
export const consumers: Consumers = {
  approval: approvalConsumer,
  training: trainingConsumer,
  root: rootConsumer,
};

export const hooks: ModuleHooks = {
  genesisBalances: (genesis) => [{ address: STAKING_ADDRESS, balance: bondsOf(genesis) }],
  genesis: foundStaking,
  beginBlock(context, origin) {
    rememberCertificate(context, origin.lastCommitHash);
    countAbsent(context, origin.lastCommit);
  },
  endBlock(context) {
    sweepCommits(context);
    sweepSubjects(context, consumers);
    advanceSets(context);
  },
  validatorSets,
  punishEquivocation,
  attestation: (context, operation, verify) => applyOperation(context, operation, verify, consumers),
};
