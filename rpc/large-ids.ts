/**
 * Ids of requests as their clients wrote them. JavaScript rounds whole numbers above 2^53; clients that count
 * nanoseconds or draw 64 random bits look for their own digits in the answer.
 */

/** Ids are echoed: a long one would let a batch of errors outgrow its limit. */
export const MAX_ID_LENGTH = 256;

/** A number that JavaScript would round. */
export class LargeId {
  readonly digits: string;
  constructor(digits: string) {
    this.digits = digits;
  }
}

export type Id = string | number | null | LargeId;

export function idJson(id: Id): string {
  return id instanceof LargeId ? id.digits : JSON.stringify(id);
}

/** Puts ids that the parser rounded back into their requests, as the text has them. */
export function keepLargeIds(request: unknown, text: string): void {
  const requests: unknown[] = Array.isArray(request) ? request : [request];
  const isRounded = requests.map((item) => {
    const id = (item as { id?: unknown } | null)?.id;
    return typeof id === 'number' && !Number.isSafeInteger(id);
  });
  if (!isRounded.includes(true)) return;
  const written = idsOf(text, Array.isArray(request) ? 2 : 1);
  requests.forEach((item, index) => {
    const digits = isRounded[index] ? written[index] : undefined;
    if (digits !== undefined && digits.length <= MAX_ID_LENGTH && LARGE_NUMBER.test(digits))
      (item as { id: unknown }).id = new LargeId(digits);
  });
}

const LARGE_NUMBER = /^-?[0-9]+$/;

/**
 * Text of the last member "id" of each item: of the request itself at `depth` 1, of each request of a batch at 2. Linear,
 * without a regular expression, since texts have megabytes. `text` is JSON, as the parser found it.
 */
function idsOf(text: string, depth: number): (string | undefined)[] {
  const ids: (string | undefined)[] = [];
  let at = 0;
  let item = -1;
  let key: string | undefined;
  let isValue = false;
  for (let i = 0; i < text.length; ) {
    const start = i;
    const c = text[i]!;
    i = c === '"' ? endOfString(text, i) : BETWEEN.has(c) ? i + 1 : endOfWord(text, i);
    if (c <= ' ') continue;
    if (at === depth - 1 && c !== ',' && c !== ']') ids[++item] = undefined;
    if (c === '{' || c === '[') at += 1;
    else if (c === '}' || c === ']') at -= 1;
    if (at !== depth) continue;
    if (c === ',' || c === '{') isValue = false;
    else if (c === ':') isValue = true;
    else if (!isValue) key = text.slice(start, Math.min(i, start + MAX_ID_LENGTH));
    else if (key === '"id"') ids[item] = text.slice(start, Math.min(i, start + MAX_ID_LENGTH + 1));
  }
  return ids;
}

/** What stands between strings and words. */
const BETWEEN: ReadonlySet<string> = new Set('{}[]:, \t\r\n');

function endOfString(text: string, from: number): number {
  let i = from + 1;
  while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
  return i + 1;
}

function endOfWord(text: string, from: number): number {
  let i = from;
  while (i < text.length && text[i] !== '"' && !BETWEEN.has(text[i]!)) i += 1;
  return i;
}
