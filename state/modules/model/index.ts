import { TYPE } from '../addresses.ts';
import { createModule } from '../module.ts';
import { modelInterface } from './abi.ts';
import { handlers } from './apply.ts';

export const modelModule = createModule({
  type: TYPE.model,
  name: 'model',
  interface: modelInterface,
  handlers,
});
