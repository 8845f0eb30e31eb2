import { addressLink, card, count, h, idLink, stats, table, tag } from '../dom.js';
import { ask } from '../rpc.js';
import { blockColumns, inferenceColumns, transactionColumns } from './lists.js';

export async function showHome() {
  const [info, blocks, transactions, dataNets, models, inferences] = await Promise.all([
    ask('ol_chainInfo'),
    ask('ol_blocks', { limit: 8 }),
    ask('ol_transactions', { limit: 8 }),
    ask('ol_dataNets', { limit: 6 }),
    ask('ol_models', { limit: 6 }),
    ask('ol_inferences', { limit: 8 }),
  ]);
  const numbers = h('div', null);
  const blockList = h('div', null);
  const transactionList = h('div', null);
  const inferenceList = h('div', null);
  const rows = [...blocks.items];

  const drawNumbers = (chain) =>
    numbers.replaceChildren(
      stats([
        ['Latest block', count(chain.head.number)],
        ['DataNets', count(chain.totals.dataNets)],
        ['Contributions', count(chain.totals.contributions)],
        ['Models', count(chain.totals.models)],
        ['Inferences', count(chain.totals.inferences)],
        ['Peers', count(chain.peers)],
      ]),
    );
  const drawTransactions = (items) =>
    transactionList.replaceChildren(table(transactionColumns, items, 'No transactions yet.'));
  const drawInferences = (items) =>
    inferenceList.replaceChildren(table(inferenceColumns, items, 'No questions asked yet.'));
  drawNumbers(info);
  blockList.replaceChildren(table(blockColumns, rows));
  drawTransactions(transactions.items);
  drawInferences(inferences.items);

  const node = h(
    'div',
    null,
    h('h1', null, 'Who helped make this answer possible'),
    h(
      'p',
      { class: 'lead' },
      'Data, models and inferences of this chain. Each answer shows whose words it quotes and who was paid for it.',
    ),
    numbers,
    card('Latest inferences', inferenceList, h('a', { href: '#/inferences' }, 'all inferences')),
    h(
      'div',
      { class: 'grid' },
      card('Latest blocks', blockList, h('a', { href: '#/blocks' }, 'all blocks')),
      card(
        'DataNets',
        table(dataNetColumns, dataNets.items, 'No DataNets yet.'),
        h('a', { href: '#/datanets' }, 'all DataNets'),
      ),
    ),
    card('Latest transactions', transactionList),
    card(
      'Models',
      table(modelColumns, models.items, 'No models yet.'),
      h('a', { href: '#/models' }, 'all models'),
    ),
  );
  return {
    title: 'Overview',
    node,
    async onHead(head) {
      rows.unshift({
        number: Number(head.number),
        timestamp: Number(head.timestamp),
        transactions: head.transactionCount ?? 0,
        gasUsed: head.gasUsed,
        gasLimit: head.gasLimit,
        miner: head.miner,
        fresh: true,
      });
      rows.length = Math.min(rows.length, 8);
      blockList.replaceChildren(table(blockColumns, rows));
      rows[0].fresh = false;
      // An empty block changes nothing else.
      if (Number(head.gasUsed) === 0) return numbers.querySelector('dd')?.replaceChildren(count(head.number));
      const [chain, newest, asked] = await Promise.all([
        ask('ol_chainInfo'),
        ask('ol_transactions', { limit: 8 }),
        ask('ol_inferences', { limit: 8 }),
      ]);
      drawNumbers(chain);
      drawTransactions(newest.items);
      drawInferences(asked.items);
    },
  };
}

export const dataNetColumns = [
  { name: 'DataNet', cell: (net) => idLink('datanet', net.id, net.name) },
  { name: 'State', cell: (net) => tag(net.status) },
  { name: 'Contributions', num: true, cell: (net) => count(net.length) },
  { name: 'Owner', cell: (net) => addressLink(net.owner) },
];

export const modelColumns = [
  { name: 'Model', cell: (model) => idLink('model', model.id, model.name) },
  { name: 'Kind', cell: (model) => model.kind },
  { name: 'State', cell: (model) => tag(model.status) },
  {
    name: 'DataNets',
    cell: (model) =>
      model.snapshots.map((pin, index) => [index > 0 ? ', ' : '', idLink('datanet', pin.dataNetId)]),
  },
  { name: 'Operator', cell: (model) => addressLink(model.operator) },
];
