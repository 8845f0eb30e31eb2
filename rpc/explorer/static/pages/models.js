import { addressLink, card, count, facts, h, idLink, mono, open, stats, table } from '../dom.js';
import { ask } from '../rpc.js';
import { modelColumns } from './home.js';
import { inferenceColumns, pagedTable } from './lists.js';

export async function showModels() {
  const list = await pagedTable('ol_models', {}, modelColumns, 'No models yet.');
  return {
    title: 'Models',
    node: h(
      'div',
      null,
      h('h1', null, 'Models'),
      h(
        'p',
        { class: 'lead' },
        'A model pins snapshots of DataNets; its operator answers questions and stakes a bond on honest attribution.',
      ),
      card('Newest first', list.node),
    ),
  };
}

export async function showModel(id) {
  const model = await ask('ol_model', Number(id));
  if (model === null)
    return {
      title: 'Model',
      node: h('div', { class: 'notice bad', role: 'alert' }, `There is no model ${id}.`),
    };
  const list = await pagedTable(
    'ol_inferences',
    { modelId: model.id },
    inferenceColumns.filter(({ name }) => name !== 'Model'),
    'Nobody asked this model yet.',
  );
  return {
    title: model.name,
    node: h(
      'div',
      null,
      h('p', { class: 'crumb' }, `Model ${model.id}, version ${model.version}`),
      h('h1', null, model.name),
      h('p', { class: 'lead pre' }, model.description),
      stats([
        ['Kind', model.kind],
        ['Attribution', model.engine],
        ['State', model.status],
        ['Open requests', count(model.openRequests)],
        ['Inferences', count(list.total)],
      ]),
      model.kind === 'external'
        ? h(
            'p',
            { class: 'notice' },
            model.engine === 'retrieval'
              ? 'This is an external model: the chain proves which records are nearest to a prompt, not that the model read them.'
              : 'This is an external model: the chain proves what its answers quote, not what the model learned.',
          )
        : null,
      card(
        'Terms',
        facts([
          ['Owner', addressLink(model.owner)],
          ['Operator', addressLink(model.operator)],
          ['Beneficiary', addressLink(model.beneficiary)],
          ['Price of a question', open(model.basePrice)],
          ['Price of a token', open(model.pricePerToken, 9)],
          ['Operator’s bond', open(model.bond)],
          ['Staked on it', open(model.totalStake)],
          model.parents.length === 0
            ? null
            : [
                'Parents',
                model.parents.map((parent, index) => [index > 0 ? ', ' : '', idLink('model', parent)]),
              ],
        ]),
      ),
      card(
        'Pinned data',
        table(
          [
            {
              name: 'DataNet',
              cell: (pin) => idLink('datanet', pin.dataNetId, pin.name ?? `#${pin.dataNetId}`),
            },
            { name: 'Contributions', num: true, cell: (pin) => count(pin.length) },
            { name: 'History', cell: (pin) => mono(pin.historyHash.slice(0, 18), pin.historyHash) },
          ],
          model.snapshots,
        ),
      ),
      card('Inferences', list.node),
    ),
  };
}
