export { type Answer, type OperatorOptions, type Question, runOperator } from './operator.ts';
