import { addressLink, card, count, h, idLink, stats, table, tag } from '../dom.js';
import { ask } from '../rpc.js';
import { blockColumns, inferenceColumns, transactionColumns } from './lists.js';

export async function showHome() {
  const parts = {
    numbers: h('div', null),
    blocks: h('div', null),
    transactions: h('div', null),
    dataNets: h('div', null),
    models: h('div', null),
    inferences: h('div', null),
  };
  let newest = -1;

  /** Reads and draws everything; an empty block changes blocks and numbers only. */
  async function refresh(empty) {
    const [info, blocks] = await Promise.all([ask('ol_chainInfo'), ask('ol_blocks', { limit: 8 })]);
    const rows = blocks.items.map((block) => ({ ...block, fresh: newest >= 0 && block.number > newest }));
    newest = info.head.number;
    parts.numbers.replaceChildren(
      stats([
        ['Latest block', count(info.head.number)],
        ['DataNets', count(info.totals.dataNets)],
        ['Contributions', count(info.totals.contributions)],
        ['Models', count(info.totals.models)],
        ['Inferences', count(info.totals.inferences)],
        ['Peers', count(info.peers)],
      ]),
    );
    parts.blocks.replaceChildren(table(shortBlockColumns, rows));
    if (empty) return;
    const [transactions, dataNets, models, inferences] = await Promise.all([
      ask('ol_transactions', { limit: 8 }),
      ask('ol_dataNets', { limit: 5 }),
      ask('ol_models', { limit: 5 }),
      ask('ol_inferences', { limit: 6 }),
    ]);
    parts.transactions.replaceChildren(table(transactionColumns, transactions.items, 'No transactions yet.'));
    parts.dataNets.replaceChildren(
      table(without(dataNetColumns, 'Owner'), dataNets.items, 'No DataNets yet.'),
    );
    parts.models.replaceChildren(
      table(without(modelColumns, 'Operator', 'Kind'), models.items, 'No models yet.'),
    );
    parts.inferences.replaceChildren(table(inferenceColumns, inferences.items, 'No questions asked yet.'));
  }

  await refresh(false);
  return {
    title: 'Overview',
    node: h(
      'div',
      null,
      h('h1', null, 'Who helped make this answer possible'),
      h(
        'p',
        { class: 'lead' },
        'Data, models and inferences of this chain. Each answer shows whose words it quotes and who was paid for it.',
      ),
      parts.numbers,
      card('Latest inferences', parts.inferences, h('a', { href: '#/inferences' }, 'all inferences')),
      h(
        'div',
        { class: 'grid' },
        card('Latest blocks', parts.blocks, h('a', { href: '#/blocks' }, 'all blocks')),
        h(
          'div',
          null,
          card('DataNets', parts.dataNets, h('a', { href: '#/datanets' }, 'all DataNets')),
          card('Models', parts.models, h('a', { href: '#/models' }, 'all models')),
        ),
      ),
      card('Latest transactions', parts.transactions),
    ),
    onHead: oneAtATime((head) => refresh(Number(head.gasUsed) === 0)),
  };
}

/**
 * Blocks can come faster than answers: while one refresh runs, the heads that come meanwhile ask for one more only.
 * A full block among them makes that one a full refresh.
 */
function oneAtATime(refresh) {
  let running = false;
  let waiting = null;
  return async function onHead(head) {
    if (running) {
      if (waiting === null || Number(head.gasUsed) > 0) waiting = head;
      return;
    }
    running = true;
    try {
      await refresh(head);
    } catch {
      // The connection is lost for a moment; the next head tries again.
    }
    running = false;
    if (waiting !== null) {
      const next = waiting;
      waiting = null;
      await onHead(next);
    }
  };
}

/** Columns of the full lists that have no room here. */
function without(columns, ...names) {
  return columns.filter(({ name }) => !names.includes(name));
}
const shortBlockColumns = without(blockColumns, 'Proposer');

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
  {
    name: 'Operator',
    cell: (model) => (model.training ? 'every validator' : addressLink(model.operator)),
  },
];
