/** Who plays in the story, and what. Names are those of the development accounts. */

/** Five people share the fifteen genres of the Brown corpus; each genre is one contribution. */
export const CONTRIBUTORS: Readonly<Record<string, readonly string[]>> = {
  alice: ['news', 'editorial', 'reviews'],
  bob: ['religion', 'hobbies', 'lore'],
  carol: ['belles_lettres', 'government', 'learned'],
  dave: ['fiction', 'mystery', 'science_fiction'],
  erin: ['adventure', 'romance', 'humor'],
};

/** Owns the DataNet and approves. */
export const CURATOR = 'curator';
/** Registered the model and earns its share. */
export const MODEL_OWNER = 'frank';
/** Staked on the model and earns the stakers' share. */
export const STAKER = 'grace';
/** Runs the model. */
export const OPERATOR = 'operator';
export const ASKER = 'asker';

export const PROMPTS = [
  'The jury said that the President of the United States',
  'In the morning he looked out of the window and',
  'The results of the experiment show that the rate of',
] as const;

/** Tokens at most: about a paragraph. */
export const ANSWER_TOKENS = 120;
