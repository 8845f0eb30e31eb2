/** Which client runs what, against one network. */
import { runCast } from '../../clients/cast.ts';
import { runEthers } from '../../clients/ethers.ts';
import { checkReport } from '../../clients/report.ts';
import type { ClientReport, ClientTarget } from '../../clients/types.ts';
import { runViem } from '../../clients/viem.ts';
import { castClient } from './cast.ts';
import { ethersClient } from './ethers.ts';
import { forgeScenarios } from './forge.ts';
import { tokenScenarios } from './scenarios.ts';
import { runScenarios, type Scenario, type ScenarioResult, type TokenClient } from './types.ts';
import { viemClient } from './viem.ts';
import { runWeb3, web3Client } from './web3.ts';

const NATIVE = 'send every transaction type and use a native module';

/** Runs all scenarios of one client with an account of its own. */
export const CLIENTS: Readonly<Record<string, (target: ClientTarget) => Promise<ScenarioResult[]>>> = {
  viem: (target) => withToken(target, viemClient(target), native('viem', runViem, target)),
  ethers: (target) => withToken(target, ethersClient(target), native('ethers', runEthers, target)),
  web3: (target) =>
    withToken(target, web3Client(target), {
      name: 'send transactions of types 0, 1 and 2 and use a native module',
      run: () => runWeb3(target),
    }),
  cast: async (target) => withToken(target, await castClient(target), native('cast', runCast, target)),
  forge: async (target) => {
    const { scenarios, close } = forgeScenarios(target);
    try {
      return await runScenarios(scenarios);
    } finally {
      close();
    }
  },
};

function native(
  name: string,
  run: (target: ClientTarget) => Promise<ClientReport>,
  target: ClientTarget,
): Scenario {
  return { name: NATIVE, run: async () => checkReport(await run(target), name) };
}

async function withToken(
  target: ClientTarget,
  client: TokenClient,
  last: Scenario,
): Promise<ScenarioResult[]> {
  try {
    return await runScenarios([...tokenScenarios(client, target.rpcUrl), last]);
  } finally {
    await client.close();
  }
}
