import { TYPE } from '../addresses.ts';
import { createModule } from '../module.ts';
import { rewardInterface } from './abi.ts';
import { handlers } from './apply.ts';

export const rewardModule = createModule({
  type: TYPE.reward,
  name: 'reward',
  interface: rewardInterface,
  handlers,
});
