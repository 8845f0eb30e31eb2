import { TYPE } from '../addresses.ts';
import { createModule } from '../module.ts';
import { dataNetInterface } from './abi.ts';
import { handlers } from './apply.ts';

export const dataNetModule = createModule({
  type: TYPE.datanet,
  name: 'datanet',
  interface: dataNetInterface,
  handlers,
});
