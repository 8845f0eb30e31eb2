/**
 * Attribution units: what the attribution of one settlement may cost at most, as everybody can tell before it runs.
 * They bound a block (`block.attributionUnits`) and are paid for in gas, so they depend on declared sizes alone.
 */

/** Bytes in a unit: reading a text, its tokens found in the index, takes far less than what a phrase takes. */
const BYTES_PER_UNIT = 4;
/** Units of a phrase, which is looked for in every segment of an index. */
const UNITS_PER_PHRASE = 4;

/** Records in a unit: the scan reads a vector of 1,024 bytes, the largest there is, in some 0.16 µs of one core. */
const RECORDS_PER_UNIT = 4;

export interface SettlementSizes {
  /** Bytes of the output as posted. */
  readonly outputBytes: number;
  /** Bytes of the prompt that the request pinned. */
  readonly promptBytes: number;
  /** Tokens that the request allows the output to have. */
  readonly maxOutputTokens: number;
  /** Tokens of the longest match (genesis parameter `lmax`). */
  readonly lmax: number;
}

/**
 * ⌈(outputBytes + promptBytes) / 4⌉ + 4 · T · min(T, lmax) with T = min(outputBytes, maxOutputTokens): reading both texts is
 * linear, from each of T tokens phrases of at most lmax are looked for (docs/attribution.md, "How it is computed"), and a
 * token has at least one byte. One unit is at most 1.5 µs of one core on the worst inputs known, over as many segments as
 * an index may have; `npm run bench attribution` prints what they take of that.
 */
export function attributionUnitsOf(sizes: SettlementSizes): number {
  const { outputBytes, promptBytes, maxOutputTokens, lmax } = sizes;
  const tokens = Math.min(outputBytes, maxOutputTokens);
  const texts = Math.ceil((outputBytes + promptBytes) / BYTES_PER_UNIT);
  return texts + UNITS_PER_PHRASE * tokens * Math.min(tokens, lmax);
}

export interface RetrievalSizes extends Pick<SettlementSizes, 'outputBytes' | 'promptBytes'> {
  /** Records of the pinned snapshots, refused ones included. */
  readonly pinnedRecords: number;
}

/**
 * The same for retrieval attribution: outputBytes + promptBytes + ⌈records / 4⌉. The output is read once, encoding the
 * prompt takes at most about a microsecond a byte, and the query meets every record once (docs/retrieval.md).
 */
export function retrievalUnitsOf({ outputBytes, promptBytes, pinnedRecords }: RetrievalSizes): number {
  return outputBytes + promptBytes + Math.ceil(pinnedRecords / RECORDS_PER_UNIT);
}

/** Units of the largest settlement of either engine that these parameters allow; a block must hold it. */
export function largestAttributionUnits(
  attribution: {
    readonly maxOutputBytes: number;
    readonly maxPromptBytes: number;
    readonly maxOutputTokens: number;
    readonly lmax: number;
  },
  retrieval: { readonly maxRecords: number },
): number {
  const sizes = { outputBytes: attribution.maxOutputBytes, promptBytes: attribution.maxPromptBytes };
  return Math.max(
    attributionUnitsOf({ ...sizes, maxOutputTokens: attribution.maxOutputTokens, lmax: attribution.lmax }),
    retrievalUnitsOf({ ...sizes, pinnedRecords: retrieval.maxRecords }),
  );
}
