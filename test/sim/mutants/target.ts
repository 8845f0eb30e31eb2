/** What a mutant is bundled as. */
export { BRANCHES } from '../../../consensus/state-machine/state.ts';
export { drawOptions } from '../options.ts';
export { SKIP, simulate } from '../simulate.ts';
