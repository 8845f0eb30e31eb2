/**
 * Watches the chain for signatures of this node's key that its own record does not know: a second machine with the
 * key, or a record that is an old copy. Either would soon contradict itself, so the key rests until the chain has
 * gone on for a number of blocks without it. (CometBFT has `double_sign_check_height` for this; it stops the node,
 * also after an ordinary restart, since it does not compare with the record.)
 */
import type { CommitCertificate, Height, ValidatorSet } from '../../consensus/types.ts';
import { hasBit, indexOfValidator } from '../../consensus/validator-set/set.ts';
import type { App, Log, Signer } from './ports.ts';
import type { SigningGuard } from './signing.ts';

export interface OwnSignatures {
  /** A block was decided with this certificate of the set that votes on its height. */
  saw(certificate: CommitCertificate, set: ValidatorSet): void;
  /** Looks at the blocks that are stored already. */
  look(): Promise<void>;
  /** Whether the key must rest at `height`. */
  mustRest(height: Height): boolean;
}

/** @param checkHeight blocks without the key before it signs again; 0: do not look */
export function createOwnSignatures(parts: {
  readonly app: App;
  readonly signer: Signer;
  readonly guard: SigningGuard;
  readonly checkHeight: number;
  readonly log: Log;
}): OwnSignatures {
  const { app, signer, guard, checkHeight, log } = parts;
  /** Newest height with a signature that is not in the record. */
  let foreign = 0;
  let told = false;

  const saw = (certificate: CommitCertificate, set: ValidatorSet): void => {
    if (checkHeight === 0 || certificate.height <= foreign) return;
    const index = indexOfValidator(set, signer.address);
    if (index < 0 || !hasBit(certificate.bitmap, index)) return;
    const last = guard.last();
    const isKnown =
      last !== undefined &&
      (certificate.height < last.height ||
        (certificate.height === last.height && certificate.round <= last.round));
    if (!isKnown) foreign = certificate.height;
  };

  return {
    saw,
    async look() {
      const head = app.head().height;
      for (let height = Math.max(1, head - checkHeight + 1); height <= head; height++) {
        const certificate = (await app.getBlock(height as Height))?.certificate;
        const set = await app.validatorsAt?.(height as Height);
        if (certificate !== undefined && set !== undefined) saw(certificate, set);
      }
    },
    mustRest(height) {
      if (foreign === 0 || height > foreign + checkHeight) {
        told = false;
        return false;
      }
      if (!told)
        log(
          'error',
          `KEY_USED_ELSEWHERE: block ${foreign} carries a signature of this key that its last-signed record does not know: another node runs with the key, or the record is an old copy. Not signing until ${checkHeight} blocks have passed without the key; stop the other node, or import its record`,
          { height, foreign },
        );
      told = true;
      return true;
    },
  };
}
