/** A genesis file as nodes and commands read it: the rules of the schema, and those that need cryptography. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { GenesisError, parseGenesis } from '../../genesis/schema.ts';
import type { Genesis } from '../../genesis/types.ts';
import { verifyFounder } from '../keys/consensus-key.ts';
import { systemReason, UserError } from './errors.ts';

/** The genesis that a text says, with the founders' proofs checked. @throws GenesisError */
export function checkGenesis(text: string): Genesis {
  const genesis = parseGenesis(text);
  genesis.validators.forEach((validator, i) => {
    if (!verifyFounder(validator, genesis.params.chainId))
      throw new GenesisError(
        `validators[${i}].proofOfPossession`,
        'does not prove that this address holds this key on this chain',
      );
  });
  return genesis;
}

/** @throws UserError FILE_MISSING, GenesisError */
export function readGenesisFile(path: string, workingDirectory: string): Genesis {
  let text: string;
  try {
    text = readFileSync(resolve(workingDirectory, path), 'utf8');
  } catch (error) {
    throw new UserError('FILE_MISSING', `cannot read ${path}: ${systemReason(error)}`);
  }
  return checkGenesis(text);
}
