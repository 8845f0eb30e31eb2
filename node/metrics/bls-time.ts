/** How long this thread is busy with signatures: the largest part of what agreeing costs. */
import type { BlsVerifier, Signer } from '../validator/ports.ts';

export interface BlsTime {
  verifier(verifier: BlsVerifier): BlsVerifier;
  signer(signer: Signer): Signer;
  /** Since the start. */
  seconds(): number;
}

export function createBlsTime(): BlsTime {
  let totalMs = 0;
  const timed =
    <A extends readonly unknown[], R>(run: (...args: A) => R) =>
    (...args: A): R => {
      const began = performance.now();
      try {
        return run(...args);
      } finally {
        totalMs += performance.now() - began;
      }
    };
  return {
    verifier: ({ verify, fastAggregateVerify, verifyEach, aggregate }) => ({
      verify: timed(verify),
      fastAggregateVerify: timed(fastAggregateVerify),
      verifyEach: timed(verifyEach),
      aggregate: timed(aggregate),
    }),
    signer: ({ address, publicKey, sign }) => ({ address, publicKey, sign: timed(sign) }),
    seconds: () => totalMs / 1000,
  };
}
