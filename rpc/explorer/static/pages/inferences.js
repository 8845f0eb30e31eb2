import {
  addressLink,
  blockLink,
  card,
  count,
  facts,
  h,
  hashLink,
  idLink,
  mono,
  open,
  percent,
  short,
  table,
  tag,
} from '../dom.js';
import { ask } from '../rpc.js';
import { inferenceColumns, pagedTable } from './lists.js';

export async function showInferences() {
  const list = await pagedTable('ol_inferences', {}, inferenceColumns, 'No questions asked yet.');
  return {
    title: 'Inferences',
    node: h(
      'div',
      null,
      h('h1', null, 'Inferences'),
      h(
        'p',
        { class: 'lead' },
        'Every question with its answer, whose words the answer quotes, and who was paid.',
      ),
      card('Newest first', list.node),
    ),
  };
}

/** Number of colours in style.css; further contributors share them in turn, the table always names them. */
const COLOURS = 12;

const SHARES = {
  platform: ['Platform', 'b11'],
  model: ['Model', 'b0'],
  stakers: ['Stakers of the model', 'b4'],
  contributor: ['Contributors', 'b2'],
  uncovered: ['Treasury (nobody’s part)', 'plain-share'],
  change: ['Change returned to the asker', 'plain-share'],
};

export async function showInference(id) {
  const inference = await ask('ol_inference', id);
  if (inference === null)
    return {
      title: 'Inference',
      node: h('div', { class: 'notice bad', role: 'alert' }, 'There is no such inference.'),
    };
  const attribution = inference.status === 'settled' ? await ask('ol_attribution', id) : null;
  const colours = new Map(
    (attribution?.credits ?? []).map(({ contributor }, index) => [contributor, index % COLOURS]),
  );
  for (const span of attribution?.spans ?? [])
    if (!colours.has(span.contributor)) colours.set(span.contributor, colours.size % COLOURS);
  for (const { contributor } of attribution?.citations ?? [])
    if (!colours.has(contributor)) colours.set(contributor, colours.size % COLOURS);
  const node = h(
    'div',
    null,
    h(
      'p',
      { class: 'crumb' },
      idLink('model', inference.modelId, inference.modelName ?? `Model ${inference.modelId}`),
      `, version ${inference.modelVersion}`,
    ),
    h('h1', null, 'Inference'),
    card(
      'Question',
      h('div', { class: 'body' }, h('p', { class: 'prompt pre', id: 'prompt' }, inference.prompt)),
    ),
    inference.status === 'settled' ? answerCard(inference, attribution, colours) : statusCard(inference),
    attribution?.citations ? citationsCard(attribution, colours) : null,
    attribution ? creditCard(attribution, colours) : null,
    attribution ? feeCard(attribution) : null,
    card(
      'On the chain',
      facts([
        ['Request', mono(inference.id)],
        ['State', tag(inference.status)],
        ['Asked by', addressLink(inference.asker)],
        [
          'Answered by',
          inference.engine === 'influence' ? 'every validator' : addressLink(inference.operator),
        ],
        [
          'Asked in block',
          [
            blockLink(inference.requestedAt),
            inference.requestTransaction
              ? [' · ', hashLink('tx', inference.requestTransaction, 'transaction')]
              : null,
          ],
        ],
        inference.closedAt
          ? [
              'Closed in block',
              [
                blockLink(inference.closedAt),
                inference.closeTransaction
                  ? [' · ', hashLink('tx', inference.closeTransaction, 'transaction')]
                  : null,
              ],
            ]
          : ['Expires after block', count(inference.expiryBlock)],
        [inference.engine === 'influence' ? 'Sent' : 'In escrow', open(inference.escrow)],
        inference.maxOutputTokens > 0
          ? ['Longest answer', `${count(inference.maxOutputTokens)} tokens`]
          : null,
        attribution ? ['Attribution record', mono(attribution.recordHash)] : null,
        [
          'Pinned data',
          inference.snapshots.map((pin, index) => [
            index > 0 ? ', ' : '',
            idLink('datanet', pin.dataNetId, pin.name ?? `DataNet ${pin.dataNetId}`),
            ` (${count(pin.length)} contributions)`,
          ]),
        ],
        ['Attribution', `${inference.engine}, version ${inference.attributionVersion}`],
      ]),
    ),
  );
  return { title: 'Inference', node, onHead: inference.status === 'open' ? watch(id) : undefined };
}

/** While a request is open, its page waits for the answer. */
function watch(id) {
  return async () => {
    const now = await ask('ol_inference', id);
    if (now.status !== 'open') window.dispatchEvent(new HashChangeEvent('hashchange'));
  };
}

function statusCard(inference) {
  const text = {
    open: 'Waiting for the operator’s answer.',
    rejected:
      'The operator posted an attribution that is not what the protocol computes. The asker has the escrow back, the operator’s bond was slashed.',
    expired: 'The operator did not answer in time. The asker has the escrow back.',
  }[inference.status];
  return h('p', { class: inference.status === 'open' ? 'notice' : 'notice bad', role: 'status' }, text);
}

function answerCard(inference, attribution, colours) {
  const spans = attribution.spans;
  const body = h('div', { class: 'body' });
  const answer = h('p', { class: 'answer pre', id: 'answer' });
  if (attribution.engine !== 'token') {
    answer.append(inference.output);
    body.append(answer, h('p', { class: 'notice' }, attribution.note));
    return card('Answer', body);
  }
  if (spans === null) {
    answer.append(inference.output);
    body.append(
      h('p', { class: 'quiet small' }, `The coloured words cannot be shown now: ${attribution.spansMissing}`),
      answer,
    );
    return card('Answer', body);
  }
  const covered = percent(1e9 - attribution.uncovered);
  const bytes = new TextEncoder().encode(inference.output);
  const text = (from, to) => new TextDecoder().decode(bytes.subarray(from, to));
  let at = 0;
  for (const span of [...spans].sort((a, b) => a.startByte - b.startByte)) {
    if (span.startByte < at) continue;
    answer.append(text(at, span.startByte));
    answer.append(wordMark(span, text(span.startByte, span.endByte), colours.get(span.contributor), answer));
    at = span.endByte;
  }
  answer.append(text(at, bytes.length));
  body.append(
    answer,
    h(
      'p',
      { class: 'quiet small' },
      `Colours say from whose contribution the words are quoted; ${covered} of the data pool was earned that way, plain words are quoted from nobody. Point at, tap or tab to a word for its source.`,
    ),
    h(
      'p',
      { class: 'notice' },
      inference.modelKind === 'external'
        ? 'For an external model the chain proves what the answer quotes, not what the model learned.'
        : 'What you see is recomputed from the pinned data by every validator.',
    ),
  );
  return card('Answer', body);
}

/** Products of vectors of length 512 reach this for two texts that read the same. */
const FULL_SCORE = 512 * 512;

function citationsCard({ citations, textsMissing }, colours) {
  return card(
    'What the prompt finds in the pinned records',
    h(
      'div',
      null,
      textsMissing
        ? h('p', { class: 'quiet small' }, `Their texts cannot be shown now: ${textsMissing}`)
        : null,
      table(
        [
          {
            name: 'Record',
            cell: (row) => [
              h('span', { class: `swatch b${colours.get(row.contributor)}` }),
              hashLink(
                'contribution',
                row.contributionId,
                `${short(row.contributionId)}, record ${row.recordIndex}`,
              ),
            ],
          },
          { name: 'Text', cell: (row) => row.excerpt ?? '—' },
          {
            name: 'DataNet',
            cell: (row) => idLink('datanet', row.dataNetId, row.dataNetName ?? `#${row.dataNetId}`),
          },
          { name: 'Contributor', cell: (row) => addressLink(row.contributor) },
          {
            name: 'Likeness',
            num: true,
            cell: (row) => h('span', { title: `score ${row.score}` }, (row.score / FULL_SCORE).toFixed(3)),
          },
        ],
        citations,
        'No record is like the prompt; nobody is paid for data.',
      ),
    ),
  );
}

let openSource = null;
function closeSource() {
  openSource?.card.remove();
  openSource?.mark.setAttribute('aria-expanded', 'false');
  openSource?.answer.classList.remove('dim');
  openSource = null;
}
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') closeSource();
});
document.addEventListener('pointerdown', (event) => {
  if (openSource && !openSource.card.contains(event.target) && event.target.closest?.('mark') === null)
    closeSource();
});
window.addEventListener('hashchange', closeSource);

function wordMark(span, text, colour, answer) {
  const mark = h(
    'mark',
    {
      class: `c${colour}`,
      tabindex: 0,
      role: 'button',
      'aria-expanded': 'false',
      'data-contributor': span.contributor,
    },
    text,
  );
  const show = () => {
    if (openSource?.mark === mark) return;
    closeSource();
    const source = sourceCard(span, text);
    document.body.append(source);
    place(source, mark);
    mark.setAttribute('aria-expanded', 'true');
    answer.classList.add('dim');
    for (const other of answer.querySelectorAll('mark'))
      other.classList.toggle('same', other.dataset.contributor === span.contributor);
    openSource = { card: source, mark, answer };
  };
  mark.addEventListener('mouseenter', show);
  mark.addEventListener('focus', show);
  mark.addEventListener('click', show);
  mark.addEventListener('mouseleave', (event) => {
    if (document.activeElement !== mark && !openSource?.card.contains(event.relatedTarget)) closeSource();
  });
  mark.addEventListener('blur', (event) => {
    if (!openSource?.card.contains(event.relatedTarget)) closeSource();
  });
  return mark;
}

function place(source, mark) {
  const box = mark.getClientRects()[0] ?? mark.getBoundingClientRect();
  const width = source.offsetWidth;
  const left = Math.max(16, Math.min(box.left, document.documentElement.clientWidth - width - 16));
  const below =
    box.bottom + 8 + source.offsetHeight < window.innerHeight || box.top < source.offsetHeight + 8;
  source.style.left = `${left + window.scrollX}px`;
  source.style.top = `${(below ? box.bottom + 8 : box.top - source.offsetHeight - 8) + window.scrollY}px`;
}

function sourceCard(span, text) {
  return h(
    'aside',
    { class: 'source', role: 'note', 'aria-label': 'Source of these words' },
    h(
      'dl',
      null,
      h('dt', null, 'Contributor'),
      h('dd', null, addressLink(span.contributor)),
      h('dt', null, 'DataNet'),
      h('dd', null, idLink('datanet', span.dataNetId, span.dataNetName ?? `#${span.dataNetId}`)),
      h('dt', null, 'Record'),
      h(
        'dd',
        null,
        hashLink(
          'contribution',
          span.contributionId,
          `${short(span.contributionId)}, record ${span.recordIndex}`,
        ),
      ),
      h('dt', null, 'Weight'),
      h('dd', null, `${span.weightBits.toFixed(1)} bits over ${span.endToken - span.startToken} tokens`),
    ),
    span.excerpt ? h('blockquote', null, excerpt(span.excerpt, text)) : null,
  );
}

/** The record's text with the quoted words in bold, when they stand there literally. */
function excerpt(text, words) {
  const at = text.toLowerCase().indexOf(words.toLowerCase());
  if (at < 0) return text;
  return [text.slice(0, at), h('b', null, text.slice(at, at + words.length)), text.slice(at + words.length)];
}

function bar(parts, label) {
  const stack = h('div', { class: 'stack', role: 'img', 'aria-label': label });
  for (const { share, style, title } of parts) {
    if (share <= 0) continue;
    const piece = h('span', { class: style, title });
    piece.style.flexGrow = String(share);
    piece.style.flexBasis = '0';
    stack.append(piece);
  }
  return stack;
}

function creditCard(attribution, colours) {
  const rows = [
    ...attribution.credits.map((credit) => ({ ...credit, colour: colours.get(credit.contributor) })),
    { contributor: null, parts: attribution.uncovered, amount: null },
  ];
  return card(
    'Who was paid for the data',
    h(
      'div',
      null,
      h(
        'div',
        { class: 'body' },
        bar(
          rows.map((row) => ({
            share: row.parts,
            style: row.contributor ? `b${row.colour}` : 'plain-share',
            title: `${row.contributor ? short(row.contributor) : 'nobody'}: ${percent(row.parts)}`,
          })),
          `Shares of the data pool: ${rows.map((row) => `${row.contributor ? short(row.contributor) : 'nobody'} ${percent(row.parts)}`).join(', ')}`,
        ),
      ),
      table(
        [
          {
            name: 'Contributor',
            cell: (row) =>
              row.contributor
                ? [h('span', { class: `swatch b${row.colour}` }), addressLink(row.contributor)]
                : [
                    h('span', { class: 'swatch plain-share' }),
                    attribution.engine === 'token' ? 'quoted from nobody' : 'nobody',
                  ],
          },
          { name: 'Share of the data pool', num: true, cell: (row) => percent(row.parts) },
          {
            name: 'Paid',
            num: true,
            cell: (row) => (row.amount ? open(row.amount, 9) : row.contributor ? '—' : 'to the treasury'),
          },
        ],
        rows,
      ),
    ),
  );
}

function feeCard(attribution) {
  const sums = new Map();
  for (const { share, amount } of attribution.payments)
    sums.set(share, (sums.get(share) ?? 0n) + BigInt(amount));
  const paid = [...sums].filter(([share]) => share !== 'change');
  const total = paid.reduce((sum, [, amount]) => sum + amount, 0n);
  return card(
    'Where the fee went',
    h(
      'div',
      null,
      h(
        'div',
        { class: 'body' },
        bar(
          paid.map(([share, amount]) => ({
            share: total === 0n ? 0 : Number((amount * 1000000n) / total),
            style: SHARES[share]?.[1] ?? 'plain-share',
            title: SHARES[share]?.[0] ?? share,
          })),
          'Parts of the fee',
        ),
      ),
      table(
        [
          {
            name: 'Part',
            cell: (row) => [
              h('span', { class: `swatch ${SHARES[row.share]?.[1] ?? 'plain-share'}` }),
              SHARES[row.share]?.[0] ?? row.share,
            ],
          },
          { name: 'To', cell: (row) => addressLink(row.to) },
          { name: 'Amount', num: true, cell: (row) => open(row.amount, 9) },
        ],
        attribution.payments,
        'No payments.',
      ),
    ),
  );
}
