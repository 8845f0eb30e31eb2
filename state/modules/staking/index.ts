import { TYPE } from '../addresses.ts';
import { createModule } from '../module.ts';
import { stakingInterface } from './abi.ts';
import { handlers } from './apply.ts';

export const stakingModule = createModule({
  type: TYPE.staking,
  name: 'staking',
  interface: stakingInterface,
  handlers,
});
