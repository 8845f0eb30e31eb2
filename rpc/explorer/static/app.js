// Routes of the page. Each page is a function (parts of the path) => { title, node, onHead? }; it may be asynchronous.
import { h, nameAddresses } from './dom.js';
import { showAccount } from './pages/account.js';
import { showBlock, showBlocks, showTransaction } from './pages/blocks.js';
import { showContribution, showDataNet, showDataNets } from './pages/datanets.js';
import { showHome } from './pages/home.js';
import { showInference, showInferences } from './pages/inferences.js';
import { showModel, showModels } from './pages/models.js';
import { showValidators } from './pages/validators.js';
import { ask, connect, listen } from './rpc.js';

const ROUTES = {
  '': showHome,
  blocks: showBlocks,
  block: showBlock,
  tx: showTransaction,
  datanets: showDataNets,
  datanet: showDataNet,
  contribution: showContribution,
  models: showModels,
  model: showModel,
  inferences: showInferences,
  inference: showInference,
  address: showAccount,
  validators: showValidators,
};

/** What a page is about, so that a mistyped address of a page says what is wrong with it. */
const HASH = /^0x[0-9a-f]{64}$/i;
const NUMBER = /^\d{1,15}$/;
const SUBJECTS = {
  block: [NUMBER, 'number of a block'],
  tx: [HASH, 'hash of a transaction'],
  datanet: [NUMBER, 'number of a DataNet'],
  contribution: [HASH, 'id of a contribution'],
  model: [NUMBER, 'number of a model'],
  inference: [HASH, 'id of an inference'],
  address: [/^0x[0-9a-f]{40}$/i, 'address of an account'],
};

const main = document.getElementById('main');
const live = document.getElementById('live');
/** Numbers the visits, so that a slow answer never replaces a newer page. */
let visit = 0;
let onHead = null;

async function show() {
  const [name = '', ...parts] = location.hash.replace(/^#\/?/, '').split('/').map(decode);
  const mine = ++visit;
  const page = ROUTES[name];
  onHead = null;
  for (const link of document.querySelectorAll('nav a')) {
    const section = link.getAttribute('href').slice(2);
    if (section === name || section === `${name}s`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  try {
    const result = mistaken(name, parts) ?? (await page(...parts));
    if (mine !== visit) return;
    document.title = `${result.title} · OpenLedger`;
    main.replaceChildren(result.node);
    onHead = result.onHead ?? null;
  } catch (error) {
    if (mine !== visit) return;
    document.title = 'OpenLedger';
    main.replaceChildren(
      h('div', { class: 'notice bad', role: 'alert' }, `The node answered: ${error.message}`),
    );
  }
  main.dataset.ready = String(mine);
}

/** The page that says what is wrong with the address of a page, or null if nothing is. */
function mistaken(name, [subject = '']) {
  if (!Object.hasOwn(ROUTES, name)) return missing(`There is no page “${name}”.`);
  if (!Object.hasOwn(SUBJECTS, name)) return null;
  const [form, what] = SUBJECTS[name];
  return form.test(subject) ? null : missing(`“${subject}” is not the ${what}.`);
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function missing(text) {
  return { title: 'Not found', node: h('div', { class: 'notice bad', role: 'alert' }, text) };
}

document.getElementById('search').addEventListener('submit', async (event) => {
  event.preventDefault();
  const input = event.target.elements.q;
  const words = input.value;
  const found = await search(words.trim());
  if (found) {
    // Who went on typing while the node was asked keeps the words and the focus.
    if (input.value === words) {
      input.value = '';
      input.blur();
    }
    location.hash = found;
  } else {
    input.setCustomValidity('Nothing on this chain has that number, hash or address.');
    input.reportValidity();
    input.addEventListener('input', () => input.setCustomValidity(''), { once: true });
  }
});

async function search(text) {
  if (/^\d{1,15}$/.test(text)) return `#/block/${Number(text)}`;
  const hex = text.toLowerCase();
  if (/^0x[0-9a-f]{40}$/.test(hex)) return `#/address/${hex}`;
  if (!/^0x[0-9a-f]{64}$/.test(hex)) return null;
  const tries = [
    ['eth_getTransactionByHash', [hex], () => `#/tx/${hex}`],
    ['eth_getBlockByHash', [hex, false], (block) => `#/block/${Number(block.number)}`],
    ['ol_inference', [hex], () => `#/inference/${hex}`],
    ['ol_contribution', [hex], () => `#/contribution/${hex}`],
  ];
  const answers = await Promise.all(
    tries.map(([method, params]) => ask(method, ...params).catch(() => null)),
  );
  const index = answers.findIndex((answer) => answer !== null);
  return index < 0 ? null : tries[index][2](answers[index]);
}

window.addEventListener('hashchange', async () => {
  await show();
  // A new page begins at its top, for eyes and for screen readers; but it may come while somebody already types in the
  // search field, whose keys must not go astray.
  window.scrollTo(0, 0);
  if (document.activeElement?.tagName !== 'INPUT') main.focus({ preventScroll: true });
});

listen((news) => {
  if (news.kind === 'state') {
    live.dataset.state = news.state;
    live.textContent = { live: 'live', lost: 'reconnecting', connecting: 'connecting' }[news.state];
  } else {
    live.textContent = `block ${Number(news.head.number).toLocaleString('en')}`;
    onHead?.(news.head);
  }
});

// "12 s ago" stays true while the page stands.
setInterval(() => {
  for (const time of document.querySelectorAll('time[data-seconds]')) {
    const seconds = Math.max(0, Math.round(Date.now() / 1000 - Number(time.dataset.seconds)));
    if (seconds < 60) time.textContent = `${seconds} s ago`;
    else if (seconds < 3600) time.textContent = `${Math.floor(seconds / 60)} min ago`;
    else if (seconds < 86400) time.textContent = `${Math.floor(seconds / 3600)} h ago`;
  }
}, 1000);

/** Who this is, for the foot of the page and the names of addresses. */
async function introduce() {
  const info = await ask('ol_chainInfo');
  nameAddresses(info);
  document
    .getElementById('foot')
    .replaceChildren(
      `Chain ${info.chainId} · genesis ${info.genesisHash.slice(0, 18)}… · ${info.clientVersion} · JSON-RPC at ${location.origin}`,
    );
}

connect();
// Pages need no introduction: without one they show bare addresses.
introduce()
  .catch(() => {})
  .then(show);
