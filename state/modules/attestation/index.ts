import { TYPE } from '../addresses.ts';
import { createModule } from '../module.ts';
import { attestationInterface } from './abi.ts';
import { handlers } from './apply.ts';

export const attestationModule = createModule({
  type: TYPE.attestation,
  name: 'attestation',
  interface: attestationInterface,
  handlers,
});
