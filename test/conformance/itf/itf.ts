/**
 * Model traces in the Informal Trace Format (https://apalache-mc.org/docs/adr/015adr-trace.html): a list of states,
 * each naming the values of the model's variables. Only what the consensus model uses is read.
 */

/** A variant of a sum type, as Quint writes it. Variants without a payload carry an empty tuple. */
export interface Tagged<V = unknown> {
  readonly tag: string;
  readonly value: V;
}

export interface Trace {
  /** One record per state: the value of each variable by its name. */
  readonly states: readonly Readonly<Record<string, unknown>>[];
}

/** Integers become numbers, tuples, lists and sets arrays, maps `Map`, records and variants objects. */
export function decode(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decode);
  if (typeof value !== 'object' || value === null) return value;
  const record = value as Record<string, unknown>;
  if ('#bigint' in record) return integer(record['#bigint']);
  if ('#tup' in record) return decode(record['#tup']);
  if ('#set' in record) return decode(record['#set']);
  if ('#map' in record) return new Map(decode(record['#map']) as [unknown, unknown][]);
  return Object.fromEntries(
    Object.entries(record)
      .filter(([key]) => key !== '#meta')
      .map(([key, field]) => [key, decode(field)]),
  );
}

function integer(text: unknown): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new Error(`an integer of the trace is out of range: ${text}`);
  return value;
}

/** @throws Error if the text is no trace */
export function parseTrace(text: string): Trace {
  const parsed = JSON.parse(text) as { states?: unknown } | null;
  const states = parsed?.states;
  if (!Array.isArray(states) || states.length === 0) throw new Error('no "states", so it is no trace');
  for (const [index, state] of states.entries())
    if (typeof state !== 'object' || state === null || Array.isArray(state))
      throw new Error(`state ${index} is no record of variables`);
  return { states: states.map((state) => decode(state) as Record<string, unknown>) };
}

/** A variable in one state. @throws Error if it is missing */
export function variableOf<T>(trace: Trace, index: number, name: string): T {
  const value = trace.states[index]![name];
  if (value === undefined) throw new Error(`the state has no variable "${name}"`);
  return value as T;
}

/** What stands before this variable in the names of a trace: several instances of the model may stand side by side. */
export function instancesOf(names: readonly string[], variable: string): string[] {
  return names
    .filter((name) => name === variable || name.endsWith(`::${variable}`))
    .map((name) => name.slice(0, -variable.length));
}

/** One line for a value of the model, the same for equal values: sets and maps are sorted. */
export function show(value: unknown): string {
  if (value instanceof Map)
    return `{${[...value]
      .map(([key, field]) => `${show(key)}: ${show(field)}`)
      .sort()
      .join(', ')}}`;
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  if ('tag' in value && 'value' in value) {
    const payload = Array.isArray(value.value) ? value.value.map(show).join(', ') : show(value.value);
    return payload === '' ? String(value.tag) : `${value.tag}(${payload})`;
  }
  return `{${Object.entries(value)
    .map(([key, field]) => `${key}: ${show(field)}`)
    .sort()
    .join(', ')}}`;
}

/** Text of a set, whatever order its members are listed in. */
export function showSet(members: readonly unknown[]): string {
  return `{${members.map(show).sort().join(', ')}}`;
}
