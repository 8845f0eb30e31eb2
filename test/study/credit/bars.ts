/** One attack against its bar. `value` and `limit` are fractions unless `unit` says otherwise. */
export interface Bar {
  readonly attack: string;
  readonly measure: string;
  readonly value: number;
  /** The value must not be above it (`atLeast`: not below). */
  readonly limit: number;
  readonly atLeast?: boolean;
  readonly digits?: number;
}

export function holds(bar: Bar): boolean {
  return bar.atLeast ? bar.value >= bar.limit : bar.value <= bar.limit;
}
