import type { RankerMaker } from './lexical.ts';
import type { Task } from './tasks.ts';

export interface Quality {
  /** Queries whose first result is right. */
  readonly recall1: number;
  /** Queries with a right result among the first ten. */
  readonly recall10: number;
  /** Mean of 1/rank of the first right result. */
  readonly mrr: number;
}

/** Ranks all passages for each query; passages of equal score stand in their order. */
export function measure(task: Task, make: RankerMaker): Quality {
  const rank = make(task.passages);
  let [first, ten, reciprocal] = [0, 0, 0];
  for (const { text, answers, except } of task.queries) {
    const scores = rank(text);
    let best = -1;
    for (const i of answers)
      if (best < 0 || scores[i]! > scores[best]! || (scores[i] === scores[best] && i < best)) best = i;
    let place = 1;
    for (let i = 0; i < scores.length; i++)
      if (
        i !== except &&
        !answers.has(i) &&
        (scores[i]! > scores[best]! || (scores[i] === scores[best] && i < best))
      )
        place++;
    first += place === 1 ? 1 : 0;
    ten += place <= 10 ? 1 : 0;
    reciprocal += 1 / place;
  }
  const count = task.queries.length;
  return { recall1: first / count, recall10: ten / count, mrr: reciprocal / count };
}
