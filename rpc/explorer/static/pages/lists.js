// Parts that several pages share.
import { addressLink, age, blockLink, count, h, hashLink, open, table, tag } from '../dom.js';
import { ask } from '../rpc.js';

export const blockColumns = [
  { name: 'Block', cell: (block) => blockLink(block.number) },
  { name: 'Age', cell: (block) => age(block.timestamp) },
  { name: 'Transactions', num: true, cell: (block) => count(block.transactions) },
  { name: 'Gas used', num: true, cell: (block) => gasShare(block) },
  { name: 'Proposer', cell: (block) => addressLink(block.miner) },
];

function gasShare(block) {
  const used = Number(block.gasUsed);
  const share = Number(block.gasLimit) === 0 ? 0 : (used / Number(block.gasLimit)) * 100;
  return h(
    'span',
    { title: `${used.toLocaleString('en')} gas` },
    `${share.toFixed(share < 10 && share > 0 ? 1 : 0)} %`,
  );
}

export const transactionColumns = [
  { name: 'Transaction', cell: (tx) => hashLink('tx', tx.hash) },
  {
    name: 'What',
    cell: (tx) => [h('span', { class: 'tag' }, what(tx)), tx.status === 0 ? tag('failed') : null],
  },
  { name: 'Age', cell: (tx) => age(tx.timestamp) },
  { name: 'From', cell: (tx) => addressLink(tx.from) },
  {
    name: 'To',
    cell: (tx) =>
      tx.module ? h('span', null, tx.module) : tx.to ? addressLink(tx.to) : addressLink(tx.contractAddress),
  },
  { name: 'Value', num: true, cell: (tx) => open(tx.value) },
];

export function what(tx) {
  if (tx.module) return `${tx.module} ${tx.operation ?? 'call'}`;
  if (!tx.to) return 'deployment';
  return tx.inputSize > 0 ? 'contract call' : 'transfer';
}

/**
 * A list that is read page by page. Rows of later pages are added below.
 * @param method an `ol` list method taking (...subject, { cursor, limit, ...filter }) and giving { total, items, next }
 */
export async function pagedTable(method, filter, columns, empty, subject = []) {
  const first = await ask(method, ...subject, { limit: 25, ...filter });
  const holder = h('div', null);
  const rows = [...first.items];
  let next = first.next;
  const draw = () => {
    holder.replaceChildren(table(columns, rows, empty));
    if (next === null) return;
    const button = h('button', { class: 'more', type: 'button', onclick: more }, 'Show more');
    holder.append(button);
  };
  const more = async () => {
    const page = await ask(method, ...subject, { limit: 25, ...filter, cursor: next });
    rows.push(...page.items);
    next = page.next;
    draw();
  };
  draw();
  return { node: holder, total: first.total, oldest: first.oldest };
}

export const tokenColumns = [
  { name: 'Transaction', cell: (item) => hashLink('tx', item.transactionHash) },
  { name: 'Age', cell: (item) => age(item.timestamp) },
  { name: 'From', cell: (item) => addressLink(item.from) },
  { name: 'To', cell: (item) => addressLink(item.to) },
  {
    name: 'Token',
    cell: (item) => [
      addressLink(item.token),
      ' ',
      h('span', { class: 'tag' }, item.standard === 'erc20' ? 'ERC-20' : 'ERC-721'),
    ],
  },
  // Units of the token: only its contract knows its decimals, and it may say anything.
  {
    name: 'Amount or id',
    num: true,
    cell: (item) =>
      item.standard === 'erc20'
        ? BigInt(item.value).toLocaleString('en')
        : `#${BigInt(item.tokenId).toLocaleString('en')}`,
  },
];

export const internalColumns = [
  { name: 'Transaction', cell: (item) => hashLink('tx', item.transactionHash) },
  { name: 'What', cell: (item) => h('span', { class: 'tag' }, item.type) },
  { name: 'Age', cell: (item) => age(item.timestamp) },
  { name: 'From', cell: (item) => addressLink(item.from) },
  { name: 'To', cell: (item) => addressLink(item.to) },
  { name: 'Value', num: true, cell: (item) => open(item.value) },
];

export const inferenceColumns = [
  { name: 'Inference', cell: (item) => hashLink('inference', item.id, cut(item.prompt, 70) || 'inference') },
  {
    name: 'Model',
    cell: (item) => h('a', { href: `#/model/${item.modelId}` }, item.modelName ?? `#${item.modelId}`),
  },
  { name: 'State', cell: (item) => tag(item.status) },
  { name: 'Asked by', cell: (item) => addressLink(item.asker) },
  { name: 'Paid', num: true, cell: (item) => (item.status === 'settled' ? open(item.fee) : '—') },
  { name: 'Block', cell: (item) => blockLink(item.requestedAt) },
];

/** First characters of a text of the chain. */
export function cut(text, length) {
  const line = (text ?? '').replace(/\s+/g, ' ').trim();
  const characters = [...line];
  return characters.length > length ? `${characters.slice(0, length - 1).join('')}…` : line;
}
