import { addressLink, blockLink, card, count, facts, h, mono, open, stats } from '../dom.js';
import { ask } from '../rpc.js';
import { contributionColumns } from './datanets.js';
import { inferenceColumns, internalColumns, pagedTable, tokenColumns, transactionColumns } from './lists.js';

export async function showAccount(address) {
  const account = await ask('ol_account', address);
  const history = (method, columns, empty) => pagedTable(method, {}, columns, empty, [account.address]);
  const [contributions, inferences, transactions, tokens, internal] = await Promise.all([
    pagedTable(
      'ol_contributions',
      { contributor: account.address },
      contributionColumns,
      'No contributions by this address.',
    ),
    pagedTable(
      'ol_inferences',
      { asker: account.address },
      inferenceColumns,
      'No questions by this address.',
    ),
    history('ol_addressTransactions', transactionColumns, 'No transactions.'),
    history('ol_tokenTransfers', tokenColumns, 'No token transfers.'),
    history('ol_internalTransfers', internalColumns, 'No transfers inside transactions.'),
  ]);
  const { rewards } = account;
  return {
    title: `Address ${address.slice(0, 10)}`,
    node: h(
      'div',
      null,
      h(
        'p',
        { class: 'crumb' },
        account.module
          ? `System address of the module ${account.module}`
          : account.codeSize > 0
            ? 'Contract'
            : 'Account',
      ),
      h('h1', { class: 'mono' }, account.address),
      stats([
        ['Balance', open(account.balance)],
        ['Rewards to claim', open(rewards.claimable)],
        ['Rewards still vesting', open(rewards.pending)],
        ['Transactions sent', count(account.nonce)],
      ]),
      card(
        'Account',
        facts([
          ['Balance', open(account.balance, 18)],
          account.codeSize > 0
            ? ['Code', [`${count(account.codeSize)} bytes, hash `, mono(account.codeHash)]]
            : null,
          ['Rewards go to', rewards.beneficiary ? addressLink(rewards.beneficiary) : 'this address'],
          account.validator ? ['Validator', `power ${count(account.validator.power)}`] : null,
        ]),
      ),
      card('Transactions', transactions.node, since(transactions.oldest)),
      card('Token transfers', tokens.node),
      card('Transfers inside transactions', internal.node),
      card('Contributions', contributions.node),
      card('Questions', inferences.node),
    ),
  };
}

/** Said where this node does not know the whole past. */
function since(oldest) {
  return oldest > 0 ? h('span', { class: 'quiet' }, 'from block ', blockLink(oldest), ' on') : null;
}
