import { TYPE } from '../addresses.ts';
import { createModule } from '../module.ts';
import { contributionInterface } from './abi.ts';
import { handlers } from './apply.ts';

export const contributionModule = createModule({
  type: TYPE.contribution,
  name: 'contribution',
  interface: contributionInterface,
  handlers,
});
