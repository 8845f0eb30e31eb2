/** Who signed, as the certificates of the committed blocks tell. */
import type { Address, CommitCertificate, ValidatorSet } from '../../consensus/types.ts';
import { hasBit, indexOfValidator, powerOfBitmap } from '../../consensus/validator-set/set.ts';

export interface SigningCounts {
  committed(by: { readonly certificate: CommitCertificate; readonly set: ValidatorSet }): void;
  /** Of the last block; power as a double, which charts need and nothing else reads. */
  missing(): number;
  missingPower(): number;
  /** Of this node's key. */
  ownPower(): number;
  lastSignedHeight(): number;
  missedBlocks(): number;
}

/** @param self operator's account of this node's key; undefined: a full node */
export function createSigningCounts(self: () => Address | undefined): SigningCounts {
  let missing = 0;
  let missingPower = 0;
  let ownPower = 0;
  let lastSignedHeight = 0;
  let missedBlocks = 0;
  return {
    committed({ certificate, set }) {
      const { bitmap, height } = certificate;
      missing = set.validators.filter((_, i) => !hasBit(bitmap, i)).length;
      missingPower = Number(set.totalPower - powerOfBitmap(set, bitmap));
      const address = self();
      const index = address === undefined ? -1 : indexOfValidator(set, address);
      ownPower = Number(set.validators[index]?.power ?? 0n);
      if (index < 0) return;
      if (hasBit(bitmap, index)) lastSignedHeight = height;
      else missedBlocks += 1;
    },
    missing: () => missing,
    missingPower: () => missingPower,
    ownPower: () => ownPower,
    lastSignedHeight: () => lastSignedHeight,
    missedBlocks: () => missedBlocks,
  };
}
