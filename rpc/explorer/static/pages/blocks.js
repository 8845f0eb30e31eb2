import {
  addressLink,
  blockLink,
  bytesCount,
  card,
  count,
  facts,
  h,
  hashLink,
  moment,
  mono,
  open,
  table,
  tag,
} from '../dom.js';
import { ask } from '../rpc.js';
import { blockColumns, pagedTable, transactionColumns, what } from './lists.js';

export async function showBlocks() {
  const list = await pagedTable('ol_blocks', {}, blockColumns, 'No blocks yet.');
  return {
    title: 'Blocks',
    node: h(
      'div',
      null,
      h('h1', null, 'Blocks'),
      h(
        'p',
        { class: 'lead' },
        'A block with its certificate is final at once; there are no reorganisations.',
      ),
      card('Newest first', list.node),
    ),
  };
}

export async function showBlock(number) {
  const hex = `0x${Number(number).toString(16)}`;
  const [block, transactions] = await Promise.all([
    ask('eth_getBlockByNumber', hex, false),
    ask('ol_transactions', { block: Number(number), limit: 200 }),
  ]);
  if (block === null)
    return {
      title: 'Block',
      node: h('div', { class: 'notice bad', role: 'alert' }, `There is no block ${number} yet.`),
    };
  const height = Number(block.number);
  return {
    title: `Block ${height}`,
    node: h(
      'div',
      null,
      h(
        'p',
        { class: 'crumb' },
        height > 0 ? h('a', { href: `#/block/${height - 1}` }, '← previous') : null,
        ' ',
        h('a', { href: `#/block/${height + 1}` }, 'next →'),
      ),
      h('h1', null, `Block ${count(height)}`),
      card(
        'Header',
        facts([
          ['Hash', mono(block.hash)],
          ['Time', moment(block.timestamp)],
          ['Proposer’s recipient', addressLink(block.miner)],
          ['Round of its origin', count(block.originRound)],
          ['Transactions', count(transactions.total)],
          ['Gas', `${count(block.gasUsed)} of ${count(block.gasLimit)}`],
          ['Base fee', open(block.baseFeePerGas)],
          ['Size', bytesCount(Number(block.size))],
          ['Parent', mono(block.parentHash)],
          ['State root', mono(block.stateRoot)],
          ['Receipts root', mono(block.receiptsRoot)],
          ['Next validators', mono(block.extraData)],
        ]),
      ),
      card('Transactions', table(transactionColumns, transactions.items, 'This block is empty.')),
    ),
  };
}

export async function showTransaction(hash) {
  const tx = await ask('ol_transaction', hash);
  if (tx === null)
    return {
      title: 'Transaction',
      node: h('div', { class: 'notice bad', role: 'alert' }, 'This node knows no such transaction.'),
    };
  const args = Object.entries(tx.args ?? {});
  return {
    title: 'Transaction',
    node: h(
      'div',
      null,
      h('h1', null, 'Transaction'),
      card(
        what(tx),
        facts([
          ['Hash', mono(tx.hash)],
          ['State', tx.blockNumber === null ? tag('pending') : tag(tx.status === 1 ? 'success' : 'failed')],
          tx.error ? ['Error', h('span', { class: 'mono' }, tx.error)] : null,
          tx.blockNumber === null ? null : ['Block', blockLink(tx.blockNumber)],
          tx.blockNumber === null ? null : ['Time', moment(tx.timestamp)],
          ['From', addressLink(tx.from)],
          ['To', tx.to ? addressLink(tx.to) : 'new contract'],
          tx.contractAddress ? ['Created', addressLink(tx.contractAddress)] : null,
          ['Value', open(tx.value)],
          tx.fee ? ['Fee', open(tx.fee, 9)] : null,
          ['Gas', tx.gasUsed === null ? count(tx.gas) : `${count(tx.gasUsed)} of ${count(tx.gas)}`],
          ['Nonce', count(tx.nonce)],
          ['Type', mono(tx.type)],
          tx.module
            ? null
            : [
                'Input',
                h(
                  'p',
                  { class: 'pre mono small' },
                  tx.input.length > 2000 ? `${tx.input.slice(0, 2000)}…` : tx.input,
                ),
              ],
        ]),
      ),
      args.length === 0
        ? null
        : card('Arguments', facts(args.map(([name, value]) => [name, argument(name, value)]))),
      card(
        'Events',
        table(
          [
            {
              name: 'Event',
              cell: (log) => (log.event ? `${log.module}.${log.event}` : mono(log.topics[0] ?? 'no topic')),
            },
            { name: 'From', cell: (log) => addressLink(log.address) },
            {
              name: 'Says',
              cell: (log) =>
                log.event
                  ? Object.entries(log.args).map(([name, value]) =>
                      h('div', null, h('span', { class: 'quiet' }, `${name} `), argument(name, value)),
                    )
                  : h('span', { class: 'mono small' }, log.data.slice(0, 200)),
            },
          ],
          tx.logs,
          'No events.',
        ),
      ),
    ),
  };
}

/** Arguments that are wei in the interfaces of the modules. */
const COINS = /^(amount|fee|escrow|deposit|bond|refund|basePrice|pricePerToken|depositBurnt|value)$/;

function argument(name, value) {
  if (typeof value === 'string' && /^0x[0-9a-f]{40}$/.test(value)) return addressLink(value);
  if (typeof value === 'string' && name === 'requestId') return hashLink('inference', value);
  if (typeof value === 'string' && name === 'contributionId') return hashLink('contribution', value);
  if (typeof value === 'string' && COINS.test(name) && /^\d+$/.test(value)) return open(value, 9);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return h(
    'span',
    { class: /^0x/.test(text) ? 'mono pre' : 'pre' },
    text.length > 1500 ? `${text.slice(0, 1500)}…` : text,
  );
}
