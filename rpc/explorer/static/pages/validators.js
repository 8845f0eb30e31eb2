import { addressLink, card, count, h, mono, open, percent, table, tag } from '../dom.js';
import { ask } from '../rpc.js';

export async function showValidators() {
  const { validators, totalPower } = await ask('ol_validators');
  return {
    title: 'Validators',
    node: h(
      'div',
      null,
      h('h1', null, 'Validators'),
      h('p', { class: 'lead' }, 'More than two thirds of the power sign every block; with that it is final.'),
      card(
        `${count(validators.length)} validators`,
        table(
          [
            { name: 'Operator', cell: (item) => addressLink(item.address) },
            { name: 'State', cell: (item) => tag(item.jailed ? 'jailed' : 'active') },
            {
              name: 'Power',
              num: true,
              cell: (item) => `${count(item.power)} (${percent(Number(item.power), Number(totalPower))})`,
            },
            { name: 'Bond', num: true, cell: (item) => open(item.bond) },
            { name: 'Tips go to', cell: (item) => addressLink(item.recipient) },
            {
              name: 'BLS key',
              cell: (item) => mono(`${item.blsPublicKey.slice(0, 18)}…`, item.blsPublicKey),
            },
          ],
          validators,
        ),
      ),
    ),
  };
}
