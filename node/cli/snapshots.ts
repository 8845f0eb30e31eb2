/** Snapshots on the command line: `DATANET:LENGTH`. */
import { UserError } from '../config/errors.ts';
import { wholeNumber } from './values.ts';

export interface NamedSnapshot {
  readonly dataNetId: number;
  readonly length: number;
}

/** @throws UserError USAGE */
export function snapshotFlags(values: readonly string[] | undefined): NamedSnapshot[] {
  return (values ?? []).map((value) => {
    const [dataNet, length, ...rest] = value.split(':');
    if (dataNet === undefined || length === undefined || rest.length > 0)
      throw new UserError('USAGE', `--snapshot: '${value}' is not DATANET:LENGTH`);
    return {
      dataNetId: wholeNumber(dataNet, '--snapshot', 0, Number.MAX_SAFE_INTEGER),
      length: wholeNumber(length, '--snapshot', 0, Number.MAX_SAFE_INTEGER),
    };
  });
}
