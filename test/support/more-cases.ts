/**
 * Loaded before every unit test file. `OPENLEDGER_PROPERTY_FACTOR=N` makes each property test draw N times as many
 * cases (the long campaigns use it); without it nothing changes.
 */
import fc from 'fast-check';

const factor = Number(process.env['OPENLEDGER_PROPERTY_FACTOR'] ?? 1);
if (!Number.isInteger(factor) || factor < 1 || factor > 1_000)
  throw new Error('OPENLEDGER_PROPERTY_FACTOR must be a whole number from 1 to 1000');
if (factor > 1) {
  const assert = fc.assert;
  fc.assert = ((property: never, parameters: { numRuns?: number } = {}) =>
    assert(property, {
      ...parameters,
      numRuns: (parameters.numRuns ?? 100) * factor,
    } as never)) as typeof fc.assert;
}
