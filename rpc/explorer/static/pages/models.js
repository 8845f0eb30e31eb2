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
        'A model pins snapshots of DataNets. The operator of an external one answers questions and stakes a bond on honest attribution; a base or an adapter is trained and run by every validator.',
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
      model.training ? trainingNotice(model) : null,
      card(
        'Terms',
        facts([
          ['Owner', addressLink(model.owner)],
          model.training ? null : ['Operator', addressLink(model.operator)],
          ['Beneficiary', addressLink(model.beneficiary)],
          ['Price of a question', open(model.basePrice)],
          model.training ? null : ['Price of a token', open(model.pricePerToken, 9)],
          [model.training ? 'Bond' : 'Operator’s bond', open(model.bond)],
          ['Staked on it', open(model.totalStake)],
          model.parents.length === 0
            ? null
            : [
                'Parents',
                model.parents.map((parent, index) => [index > 0 ? ', ' : '', idLink('model', parent)]),
              ],
        ]),
      ),
      model.training ? trainingCard(model.training) : null,
      model.attributionRoot ? rootCard(model.attributionRoot) : null,
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

/** What goes on with the training, where it changes what the model is. */
function trainingNotice({ status, training }) {
  const { newest } = training;
  if (newest.status === 'training')
    return h(
      'p',
      { class: 'notice', role: 'status' },
      `Validators train version ${newest.version} now.`,
      status === 'active' ? ` Version ${training.active.version} answers until they have attested it.` : null,
    );
  if (newest.refusal === null) return null;
  return h(
    'p',
    { class: 'notice bad', role: 'status' },
    `Version ${newest.version} was refused: ${REFUSALS[newest.refusal.reason]}`,
    newest.refusal.detail ? ` (${newest.refusal.detail}).` : '.',
    status === 'active'
      ? ` Version ${training.active.version} goes on answering.`
      : ' The bond was returned.',
  );
}

const REFUSALS = {
  failed: 'training it gives no model',
  hashDiffers: 'what validators trained is not what was claimed',
  tooLarge: 'one answer would not fit into a block',
  frozen: 'validators did not attest it',
};

function trainingCard({ settings, active, newest }) {
  const shown = active ?? newest;
  const { features, classes, training, metric } = settings;
  return card(
    'Training',
    facts([
      ['Features', featuresOf(features)],
      ['Labels', classes.join(', ')],
      ['Method', methodOf(training)],
      ['Influence by', metric.solver],
      shown.base
        ? ['Rests on', [idLink('model', shown.base.modelId), `, version ${shown.base.version}`]]
        : null,
      shown.samples === null
        ? null
        : ['Samples', `${count(shown.samples)}, ${count(shown.passedOver)} records passed over`],
      shown.modelHash ? ['Parameters', mono(shown.modelHash)] : null,
      shown.metricHash ? ['Metric', mono(shown.metricHash)] : null,
      shown.claimedHash ? ['Claimed parameters', mono(shown.claimedHash)] : null,
      ['Attested as', mono(shown.subject)],
    ]),
  );
}

function featuresOf({ kind, width, input, inputWidth, modelHash }) {
  if (kind === 'numbers') return `${width} numbers`;
  if (kind === 'text') return `${width} of the text encoder`;
  return [`${width} of an ONNX graph on ${inputWidth} ${input}, `, mono(modelHash)];
}

const ROOT_STATES = {
  none: 'validators were not asked for it: they had enough to do. The model works without.',
  open: 'validators compute it. The model works without.',
  refused: 'none: the texts are too many for proofs. The model works without.',
  frozen: 'validators did not attest it in time. The model works without.',
};

/** By what light clients check what these texts say. */
function rootCard({ status, root, tokens, records, slot, account, subject }) {
  return card(
    'Root of the pinned texts',
    facts([
      ['State', status === 'attested' ? 'attested by the validators' : ROOT_STATES[status]],
      root === null ? null : ['Root', mono(root)],
      root === null ? null : ['Commits to', `${count(tokens)} tokens in ${count(records)} records`],
      root === null ? null : ['Proven by', [mono(slot), ' of ', addressLink(account)]],
      subject === null ? null : ['Attested as', mono(subject)],
    ]),
  );
}

function methodOf(training) {
  if (training.method === 'newton') return 'newton, to the optimum';
  const passes = `${count(training.epochs)} passes over the samples`;
  return training.method === 'sgd' ? `sgd, ${passes}` : `adapter of rank ${training.rank}, ${passes}`;
}
