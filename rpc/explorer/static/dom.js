// Builds elements. Everything that comes from the chain is hostile: it only ever becomes a text node, a title, or a
// link inside this page whose parts are checked.

/**
 * h('td', { class: 'num', title: '...' }, child, ...). Children: nodes, texts, arrays, null. Only these attributes exist.
 */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === 'class') element.className = value;
    else if (name === 'text') element.textContent = value;
    else if (name === 'href') element.setAttribute('href', inner(value));
    else if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (ALLOWED.test(name)) element.setAttribute(name, value === true ? '' : String(value));
    else throw new Error(`attribute ${name} is not allowed`);
  }
  append(element, children);
  return element;
}

const ALLOWED = /^(title|role|tabindex|id|type|colspan|scope|datetime|aria-[a-z]+|data-[a-z]+)$/;

/** Links stay inside the page. */
function inner(target) {
  if (!/^#\/[\w/.-]*$/.test(target)) throw new Error('link leaves the page');
  return target;
}

function append(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(element, child);
    else element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

export function card(title, body, link) {
  return h('section', { class: 'card' }, h('header', null, h('h2', null, title), link ?? null), body);
}

/** columns: [{ name, num?, cell(row) }] */
export function table(columns, rows, empty = 'Nothing yet.') {
  if (rows.length === 0) return h('div', { class: 'body quiet' }, empty);
  return h(
    'div',
    { class: 'scroll' },
    h(
      'table',
      null,
      h(
        'thead',
        null,
        h(
          'tr',
          null,
          columns.map((c) => h('th', { scope: 'col', class: c.num ? 'num' : null }, c.name)),
        ),
      ),
      h(
        'tbody',
        null,
        rows.map((row) =>
          h(
            'tr',
            { class: row.fresh ? 'fresh' : null },
            columns.map((c) => h('td', { class: c.num ? 'num' : null }, c.cell(row))),
          ),
        ),
      ),
    ),
  );
}

export function facts(pairs) {
  return h(
    'dl',
    { class: 'facts' },
    pairs
      .filter((pair) => pair !== null)
      .map(([name, value]) => [h('dt', null, name), h('dd', null, value ?? '—')]),
  );
}

export function stats(pairs) {
  return h(
    'dl',
    { class: 'stats' },
    pairs.map(([name, value]) => h('div', { class: 'stat' }, h('dt', null, name), h('dd', null, value))),
  );
}

export function mono(text, title) {
  return h('span', { class: 'mono', title: title ?? text }, text);
}

/** 0x1234…abcd */
export function short(hex, head = 8, tail = 6) {
  return hex.length > head + tail + 3 ? `${hex.slice(0, head)}…${hex.slice(-tail)}` : hex;
}

const ZERO = `0x${'0'.repeat(40)}`;

/** Names of addresses that this chain itself uses; filled when the node has told them. */
const NAMES = new Map([[ZERO, 'nobody']]);

/** @param info the answer of ol_chainInfo */
export function nameAddresses(info) {
  NAMES.set(info.treasury, 'treasury');
  for (const [name, { address, recordAddress }] of Object.entries(info.modules)) {
    NAMES.set(address, `${name} module`);
    NAMES.set(recordAddress, `${name} records`);
  }
}

export function addressLink(address) {
  if (!address || !/^0x[0-9a-f]{40}$/.test(address)) return h('span', { class: 'quiet' }, '—');
  const name = NAMES.get(address);
  return h(
    'a',
    { class: name ? null : 'mono', href: `#/address/${address}`, title: address },
    name ?? short(address),
  );
}
export function blockLink(number) {
  return h('a', { href: `#/block/${Number(number)}` }, Number(number).toLocaleString('en'));
}
export function hashLink(kind, hash, label) {
  if (typeof hash !== 'string' || !/^0x[0-9a-f]{64}$/.test(hash)) return h('span', { class: 'quiet' }, '—');
  return h(
    'a',
    { class: label ? null : 'mono', href: `#/${kind}/${hash}`, title: hash },
    label ?? short(hash),
  );
}
export function idLink(kind, id, label) {
  return h('a', { href: `#/${kind}/${Number(id)}` }, label ?? `#${Number(id)}`);
}

/** Wei (hex quantity) as OPEN, exact in the title. */
export function open(wei, digits = 6) {
  const value = BigInt(wei ?? '0x0');
  const unit = 10n ** 18n;
  const whole = value / unit;
  const exact = `${whole}.${(value % unit).toString().padStart(18, '0')}`.replace(/\.?0+$/, '');
  let shown = exact;
  const dot = exact.indexOf('.');
  if (dot >= 0 && exact.length - dot - 1 > digits) {
    // Small amounts keep their first digits instead of becoming 0.
    const firstDigit = exact.slice(dot + 1).search(/[1-9]/);
    shown =
      whole === 0n && firstDigit >= digits
        ? exact.slice(0, dot + 1 + firstDigit + 3)
        : exact.slice(0, dot + 1 + digits).replace(/\.?0+$/, '');
  }
  const grouped = shown.replace(/^\d+/, (text) => BigInt(text).toLocaleString('en'));
  return h('span', { title: `${exact} OPEN (${value} wei)` }, `${grouped} OPEN`);
}

export function percent(parts, whole = 1e9) {
  const value = (Number(parts) / whole) * 100;
  return `${value >= 10 || value === 0 ? value.toFixed(1) : value.toPrecision(2)} %`;
}

export function count(value) {
  return Number(value).toLocaleString('en');
}

/** How long ago, and the moment itself. */
export function moment(timestamp) {
  const utc = new Date(Number(timestamp) * 1000).toISOString().slice(0, 19).replace('T', ' ');
  return h('span', null, age(timestamp), ` · ${utc} UTC`);
}

/** Seconds of the chain's clock as "3 min ago". */
export function age(timestamp) {
  const date = new Date(Number(timestamp) * 1000);
  const seconds = Math.max(0, Math.round((Date.now() - date.getTime()) / 1000));
  const text =
    seconds < 60
      ? `${seconds} s ago`
      : seconds < 3600
        ? `${Math.floor(seconds / 60)} min ago`
        : seconds < 86400
          ? `${Math.floor(seconds / 3600)} h ago`
          : date.toISOString().slice(0, 16).replace('T', ' ');
  return h(
    'time',
    { datetime: date.toISOString(), title: date.toISOString(), 'data-seconds': Number(timestamp) },
    text,
  );
}

const TONES = {
  settled: 'good',
  success: 'good',
  approved: 'good',
  published: 'good',
  active: 'good',
  trained: 'good',
  rejected: 'bad',
  refused: 'bad',
  failed: 'bad',
  forfeited: 'bad',
  retired: 'bad',
  jailed: 'bad',
  expired: 'bad',
  withdrawn: 'bad',
  frozen: 'bad',
  open: 'wait',
  queued: 'wait',
  training: 'wait',
  attested: 'wait',
  revealed: 'wait',
  committed: 'wait',
  draft: 'wait',
};
export function tag(text) {
  return h('span', { class: `tag ${TONES[text] ?? ''}` }, text);
}

export function bytesCount(size) {
  return size < 1024
    ? `${size} B`
    : size < 1048576
      ? `${(size / 1024).toFixed(1)} KiB`
      : `${(size / 1048576).toFixed(2)} MiB`;
}
