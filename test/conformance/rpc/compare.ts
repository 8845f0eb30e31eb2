/**
 * Whether an answer is the expected one, as hive's rpc-compat test judges: values equal, numbers by value, and the
 * text of an error is the client's own affair as long as there is one. Files marked `speconly` are held against a
 * schema there; here the expected answer stands for it: the same members, each of the same kind and encoding.
 */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** First difference, with its path; undefined if there is none. */
export function difference(got: Json, want: Json): string | undefined {
  return compare(withoutErrorText(got, want), withoutErrorText(want, got), 'answer');
}

function isObject(value: Json | undefined): value is { [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function withoutErrorText(value: Json, other: Json): Json {
  if (!isObject(value) || !isObject(other)) return value;
  const { error } = value;
  if (!isObject(error) || !isObject(other['error'])) return value;
  if (typeof error['message'] !== 'string' || typeof other['error']['message'] !== 'string') return value;
  return { ...value, error: { ...error, message: '' } };
}

function compare(got: Json | undefined, want: Json | undefined, path: string): string | undefined {
  if (got === undefined) return `${path} is missing, expected ${brief(want)}`;
  if (want === undefined) return `${path} is ${brief(got)}, expected nothing`;
  if (Array.isArray(got) && Array.isArray(want)) {
    if (got.length !== want.length) return `${path} has ${got.length} items, expected ${want.length}`;
    for (const [index, item] of want.entries()) {
      const found = compare(got[index], item, `${path}[${index}]`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (isObject(got) && isObject(want)) {
    for (const name of new Set([...Object.keys(want), ...Object.keys(got)])) {
      const found = compare(got[name], want[name], `${path}.${name}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  return got === want ? undefined : `${path} is ${brief(got)}, expected ${brief(want)}`;
}

/** First difference of shape; undefined if there is none. Members that are not expected are allowed. */
export function shapeDifference(got: Json, want: Json): string | undefined {
  return compareShapes(got, want, 'answer');
}

/** Members that the schema leaves open: in `eth_capabilities` only what is deleted some day says how. */
const OPTIONAL: ReadonlySet<string> = new Set(['deleteStrategy']);

function compareShapes(got: Json | undefined, want: Json, path: string): string | undefined {
  if (got === undefined) return `${path} is missing, expected ${formOf(want)}`;
  if (Array.isArray(got) && Array.isArray(want)) return compareLists(got, want, path);
  if (isObject(got) && isObject(want)) {
    // The keys of a map are data: what is under one of them stands for all.
    const isMap = Object.keys(want).some((name) => name.startsWith('0x'));
    const pairs: [string, Json | undefined, Json][] = isMap
      ? Object.entries(got).map(([name, value]) => [name, value, Object.values(want)[0]!])
      : Object.entries(want).map(([name, value]) => [name, got[name], value]);
    for (const [name, value, model] of pairs) {
      if (value === undefined && OPTIONAL.has(name)) continue;
      const found = compareShapes(value, model, `${path}.${name}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  return hasForm(got, formOf(want)) ? undefined : `${path} is ${brief(got)}, expected ${formOf(want)}`;
}

function compareLists(got: Json[], want: Json[], path: string): string | undefined {
  if (want.length === 0) return undefined;
  if (got.length === 0) return `${path} is empty`;
  const forms = new Set(want.map(formOf));
  // Among items of several forms the loosest is what the schema says.
  const form = forms.size === 1 ? [...forms][0]! : forms.has('hex') ? 'hex' : undefined;
  for (const [index, item] of got.entries()) {
    const at = `${path}[${index}]`;
    const model = want[index] ?? want[0]!;
    const found =
      isObject(model) || Array.isArray(model) || form === undefined
        ? compareShapes(item, model, at)
        : hasForm(item, form)
          ? undefined
          : `${at} is ${brief(item)}, expected ${form}`;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** JSON type, and for strings the encoding. */
function formOf(value: Json): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value !== 'string') return typeof value;
  if (/^0x[0-9a-f]{64}$/.test(value)) return '32 bytes';
  return /^0x[0-9a-fA-F]*$/.test(value) ? 'hex' : 'string';
}

function hasForm(value: Json, form: string): boolean {
  const own = formOf(value);
  return own === form || (form === 'hex' && own === '32 bytes');
}

function brief(value: Json | undefined): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 160 ? `${text.slice(0, 160)}...` : text;
}
