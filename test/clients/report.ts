/** What every client must have seen. */
import assert from 'node:assert/strict';
import type { ClientReport } from './types.ts';

/** @param name the client's, as it signed its DataNet */
export function checkReport(report: ClientReport, name: string): void {
  assert.deepEqual(report.types, { 0: 'success', 1: 'success', 2: 'success', 4: 'success' });
  assert.equal(report.eventTotal, 42n);
  assert.deepEqual(report.moduleError, { name: 'UnknownDataNet', argument: '999999' });
  assert.equal(report.dataNetName, `made with ${name}`);
  assert.ok(report.heads.length >= 3, 'fewer than three heads were announced');
  assert.deepEqual(
    [...report.heads].sort((a, b) => a - b),
    report.heads,
  );
}
