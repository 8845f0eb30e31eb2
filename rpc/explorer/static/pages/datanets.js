import {
  addressLink,
  blockLink,
  bytesCount,
  card,
  count,
  facts,
  h,
  hashLink,
  idLink,
  mono,
  open,
  stats,
  tag,
} from '../dom.js';
import { ask } from '../rpc.js';
import { dataNetColumns } from './home.js';
import { cut, pagedTable } from './lists.js';

export async function showDataNets() {
  const list = await pagedTable(
    'ol_dataNets',
    {},
    [...dataNetColumns, { name: 'About', cell: (net) => cut(net.summary, 90) }],
    'No DataNets yet.',
  );
  return {
    title: 'DataNets',
    node: h(
      'div',
      null,
      h('h1', null, 'DataNets'),
      h(
        'p',
        { class: 'lead' },
        'Append-only sequences of contributions that their owners approved. Models pin a length of them.',
      ),
      card('Newest first', list.node),
    ),
  };
}

export async function showDataNet(id) {
  const net = await ask('ol_dataNet', Number(id));
  if (net === null)
    return {
      title: 'DataNet',
      node: h('div', { class: 'notice bad', role: 'alert' }, `There is no DataNet ${id}.`),
    };
  const list = await pagedTable(
    'ol_contributions',
    { dataNetId: net.id },
    contributionColumns,
    'No contributions yet.',
  );
  return {
    title: net.name,
    node: h(
      'div',
      null,
      h('p', { class: 'crumb' }, `DataNet ${net.id}`),
      h('h1', null, net.name),
      h('p', { class: 'lead' }, net.summary),
      stats([
        ['State', net.status],
        ['Approved contributions', count(net.length)],
        ['Open to', net.policy === 'open' ? 'everyone' : 'its owner'],
        ['Since block', count(net.createdAt)],
      ]),
      card(
        'About',
        facts([
          ['Owner', addressLink(net.owner)],
          ['Tags', net.tags.length === 0 ? '—' : net.tags.map((text) => h('span', { class: 'tag' }, text))],
          ['Description', h('p', { class: 'pre' }, net.description)],
          net.payoutNote ? ['Note on payouts', net.payoutNote] : null,
          ['History', mono(net.historyHash)],
        ]),
      ),
      card('Contributions', list.node),
    ),
  };
}

export const contributionColumns = [
  { name: 'Contribution', cell: (item) => hashLink('contribution', item.id) },
  { name: 'State', cell: (item) => tag(item.status) },
  { name: 'By', cell: (item) => addressLink(item.contributor) },
  {
    name: 'Records',
    num: true,
    cell: (item) =>
      item.recordCount === 0
        ? '—'
        : item.status === 'approved'
          ? `${count(item.acceptedCount)} of ${count(item.recordCount)}`
          : count(item.recordCount),
  },
  { name: 'Size', num: true, cell: (item) => (item.size === 0 ? '—' : bytesCount(item.size)) },
  { name: 'Licence', cell: (item) => cut(item.licence, 30) || '—' },
  { name: 'Committed in', cell: (item) => blockLink(item.commitBlock) },
];

/** What a state means where its word alone does not say it. */
const MEANING = {
  queued: 'approved, being attested by the validators',
  approved: 'in the DataNet',
  frozen: 'the validators could not agree; its owner may approve it again',
};

const REASONS = {
  disagreement: 'more than a third of the power saw something else',
  expired: 'it was not done in time',
  malformed: 'what was attested has no meaning',
  superseded: 'something before it changed; it began again',
};

function attestationCard(subject) {
  const percent = (power) => `${Math.round((100 * Number(power)) / Number(subject.totalPower))} %`;
  return card(
    'What the validators say',
    facts([
      ['State', tag(subject.status)],
      subject.reason === 'none' ? null : ['Why', REASONS[subject.reason]],
      ['Attested alike', `${percent(subject.bestPower)} of the voting power; more than 66 % are needed`],
      ['Attested at all', percent(subject.votedPower)],
      ['Root', subject.root === null ? '—' : mono(subject.root)],
      ['Subject', mono(subject.key)],
      ['Opened in block', blockLink(subject.openedAt)],
    ]),
  );
}

export async function showContribution(id) {
  const item = await ask('ol_contribution', id);
  if (item === null)
    return {
      title: 'Contribution',
      node: h('div', { class: 'notice bad', role: 'alert' }, 'There is no such contribution.'),
    };
  return {
    title: 'Contribution',
    node: h(
      'div',
      null,
      h('p', { class: 'crumb' }, idLink('datanet', item.dataNetId, `DataNet ${item.dataNetId}`)),
      h('h1', null, 'Contribution'),
      card(
        'What it is',
        facts([
          ['Id', mono(item.id)],
          ['State', [tag(item.status), ` ${MEANING[item.status] ?? ''}`]],
          ['Contributor', addressLink(item.contributor)],
          ['Place in the order of commits', count(item.commitSequence)],
          ['Committed in block', blockLink(item.commitBlock)],
          item.status === 'committed' ? ['To be revealed by block', count(item.revealBy)] : null,
          ['Deposit', open(item.deposit)],
          [
            'Records',
            item.recordCount === 0
              ? '—'
              : `${count(item.recordCount)}, ${count(item.acceptedCount)} accepted`,
          ],
          item.novelty === null
            ? null
            : [
                'New to the DataNet',
                `${count(item.novelty.records)} of ${count(item.recordCount)} records, ${count(item.novelty.tokens)} of ${count(item.novelty.totalTokens)} tokens, ${bytesCount(item.novelty.bytes)}; ${count(item.novelty.unquotedTokens)} tokens are in no quotation of earlier texts`,
              ],
          ['Size', item.size === 0 ? '—' : bytesCount(item.size)],
          ['Licence', item.licence || '—'],
          ['Metadata', h('p', { class: 'pre' }, item.metadata || '—')],
          ['Artifact root', item.recordCount === 0 ? '—' : mono(item.artifactRoot)],
          ['Bytes on this node', item.held ? 'yes' : 'no'],
        ]),
      ),
      item.attestation === null ? null : attestationCard(item.attestation),
    ),
  };
}
