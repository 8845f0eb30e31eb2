/** What a person can do about a refusal of the chain: one sentence for each error that the modules declare. */

const ADVICE: Readonly<Record<string, string>> = {
  AlreadyPublished: 'The DataNet is open for contributions already.',
  AlreadyRegistered: 'The account is a validator already; add to its bond with openledger validator bond.',
  AlreadySettled: 'The request is closed; a request takes one answer.',
  ArtifactMismatch:
    'The uploaded bytes do not have the declared size and number of records. Declare what was uploaded.',
  BaseDiffers: 'An adapter has the features and labels of its base, in the same order.',
  BaseNotAParent: 'Name the base of an adapter among its parents; a base has none.',
  BondTooLow:
    'A bond must cover the least that is asked for: of a model, put down more with addBond or when registering; of a validator, bond a unit of power at least, and take out no more than there is.',
  CommitmentMismatch:
    'Root, size, salt, DataNet or sender differ from what was committed to. Reveal exactly what was committed.',
  ContributionTooLarge: 'Split it into several contributions.',
  DataNetClosed: 'Only the owner contributes to this DataNet.',
  DataNetNotPublished: 'Its owner has to publish it first: openledger datanet publish.',
  DataNetRetired: 'It takes nothing new; use another DataNet.',
  DepositTooLow: 'Send at least the required deposit as the value; the reveal returns it.',
  DirectCallOnly:
    'A module runs only when it is called itself, not through DELEGATECALL, CALLCODE or a delegation. Use CALL, or send the transaction to its address.',
  DuplicateCommitment: 'This commitment exists already. Continue it with --resume, or use another salt.',
  EmptyContribution: 'A contribution has at least one record with at least one byte.',
  EmptyName: 'Give it a name.',
  EmptyOutput: 'The answer has no words.',
  EmptyPrompt: 'Ask something.',
  EmptyRecord: 'Each record has at least one byte; leave empty ones out.',
  EmptySnapshot: 'The DataNet holds no approved contribution yet; approve one first.',
  EngineNotSupported: 'Choose an attribution engine that this chain has: token (1) or retrieval (2).',
  EscrowTooLow:
    'Send at least the price of the longest answer as the value (maxPrice tells it); what is not used returns.',
  GraphNotRevealed:
    'The contribution that the settings name must be revealed, and have the artifact that they name.',
  InTraining: 'Validators train it now; wait until they have attested it (openledger model show).',
  InvalidTrainingSpec:
    'The training settings are not canonical bytes; encode them as docs/trained-models.md says.',
  InvalidUtf8: 'Only UTF-8 text is taken; convert it first.',
  KeyUsed: 'A consensus key is used once for ever; make a new one: openledger keys new --type consensus.',
  KindNotSupported:
    'Register external models (kind 4) with register, base (1) and adapter (2) with registerTrained.',
  LastValidator: 'Nobody else has power, and a chain without validators could never get one again.',
  MalformedCalldata:
    "The call data is not what the interface says; encode it with the module's ABI (ol_abis).",
  ModelNotActive: 'The base must be trained and not retired.',
  ModelRefused: 'Its training gave no model (openledger model show says why); register another one.',
  ModelRetired: 'The model answers no more; ask another one.',
  NoDataNets: 'Name at least one DataNet that the model answers from.',
  NoOperator: 'Every validator answers for a trained model; name the zero address as its operator.',
  NoRoom: 'The list of validators is full; bond more than the weakest of them.',
  NotABase: 'An adapter rests on a model of kind 1, base.',
  NotAscending: 'List the ids in ascending order, each once.',
  NotContributor: 'Only the account that committed the contribution may do this.',
  NotDataNetOwner: 'Only the owner of the DataNet may do this; sign with its account.',
  NotExpired: 'The request can still be answered; wait until its expiry block has passed.',
  NothingToClaim: 'There is nothing to claim now; rewards can be claimed when they have vested.',
  NothingToWithdraw: 'Nothing is released yet; openledger validator show tells from which block on.',
  NotInPossession:
    'The proof must be made with this key, for the account that signs, on this chain (openledger validator register makes it).',
  NotJailed: 'The validator is not in jail.',
  NotModelOwner: 'Only the owner of the model may do this; sign with its account.',
  NoTokenPrice: 'A trained model has a price for an answer only; the price of a token is 0.',
  NotOperator: 'Only the operator that the request names may settle it; sign with its account.',
  NotPayable: 'This operation takes no value; send 0.',
  NotTopLevel: 'Send it as a transaction of its own; contracts cannot do this.',
  NotTrained: 'Ask an external model with request; its operator answers.',
  OutOfRange: 'Only the certificates of recent blocks are kept.',
  OutputLimitOutOfRange: 'Ask for at least one token and at most the limit.',
  OutputTooLarge: 'Shorten the answer.',
  OutputTooLong: 'The answer has more tokens than the request allows; shorten it.',
  PowerTooLarge: 'All validators together would have more power than consensus can count; bond less.',
  PromptRefused:
    'The prompt is not what the model takes: its features without the label, e.g. as many numbers as it has.',
  PromptTooLarge: 'Shorten the prompt.',
  RecordTooLarge: 'Split the record into smaller ones.',
  RequestExpired: 'The request can no longer be answered; anyone can return its escrow with expire.',
  RevealTooLate: 'The time for the reveal is over and the deposit is lost; commit again.',
  RoyaltiesMismatch: 'Give one royalty for each parent.',
  RoyaltiesTooHigh: 'Royalties must not sum to more than 100 % (10,000 basis points).',
  SnapshotsTooLarge: 'Pin fewer or smaller DataNets.',
  SpecOfOtherKind: 'The training settings are those of another kind: base 1, adapter 2.',
  StakeLocked: 'Wait until the named block.',
  StakeTooLow: 'You cannot take out more than you staked.',
  StillJailed: 'Wait until the block that openledger validator show names.',
  TextTooLong: 'Shorten the text.',
  TooManyAncestors: 'Name fewer parents, or parents with shorter lineages.',
  TooManyDataNets: 'Pin fewer DataNets.',
  TooManyEntries: 'Pin DataNets with fewer contributions.',
  TooManyParents: 'Name fewer parents.',
  TooManyRecords: 'Use fewer records: split the contribution, or pin less.',
  TooManySubjects: 'Validators have as much to do as they may have at once; try again in a minute.',
  TooManyTags: 'Give fewer tags.',
  TooManyTrainings: 'Validators train as many models as they may at once; try again in a few minutes.',
  TrainedModel: 'Ask a trained model with infer; every validator answers.',
  TrainingTooLarge:
    'Training would take too long: pin fewer records, or choose fewer features, labels or passes, or a smaller graph.',
  UnknownContribution: 'There is no contribution with this id: openledger datanet show lists them.',
  UnknownDataNet: 'There is no DataNet with this id: openledger datanet list shows them.',
  UnknownEntry: 'The DataNet has fewer contributions than that.',
  UnknownModel: 'There is no model with this id: openledger model list shows them.',
  UnknownOperation: 'The module has no such function; ol_abis shows what it has.',
  UnknownPolicy: 'The policy is 0 (open) or 1 (closed).',
  UnknownRequest: 'There is no request with this id.',
  UnknownSubject: 'There is no subject with this key: ol_contribution names that of a contribution.',
  UnknownValidator: 'No validator has this account.',
  UnknownVersion: 'The model has no such version.',
  WriteInStaticContext: 'A static call can only read; send a transaction, or use CALL.',
  WrongStatus:
    'The contribution is not in the state for this (1 committed, 2 revealed, 3 approved, 4 rejected, 5 withdrawn, 6 forfeited, 7 queued, 8 frozen).',
  ZeroAddress: 'Give the address of an account.',
  ZeroAmount: 'Give an amount above zero.',
};

/** @param error name of a module's error; undefined if it is none */
export function adviceFor(error: string): string | undefined {
  return Object.hasOwn(ADVICE, error) ? ADVICE[error] : undefined;
}

/** Errors with a sentence, for comparison with what the modules declare. */
export const ADVISED_ERRORS: readonly string[] = Object.keys(ADVICE);
