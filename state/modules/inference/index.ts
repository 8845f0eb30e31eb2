import { TYPE } from '../addresses.ts';
import { createModule } from '../module.ts';
import { inferenceInterface } from './abi.ts';
import { attributionUnits, handlers } from './apply.ts';

export const inferenceModule = createModule({
  type: TYPE.inference,
  name: 'inference',
  interface: inferenceInterface,
  handlers,
  attributionUnits,
});
