import { addressLink, card, count, facts, h, mono, open, stats } from '../dom.js';
import { ask } from '../rpc.js';
import { contributionColumns } from './datanets.js';
import { inferenceColumns, pagedTable } from './lists.js';

export async function showAccount(address) {
  const account = await ask('ol_account', address);
  const [contributions, inferences] = await Promise.all([
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
      card('Contributions', contributions.node),
      card('Questions', inferences.node),
    ),
  };
}
