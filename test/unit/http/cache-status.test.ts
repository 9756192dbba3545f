import { expect, test } from 'vitest';
import { staleWarning } from '../../../src/http/cache-status.ts';

test('a stale answer says why', () => {
  expect(staleWarning('upstream timed out')).toBe('110 entrepot "Response is Stale: upstream timed out"');
  expect(staleWarning('')).toBe('110 entrepot "Response is Stale"');
});

test('a reason cannot end the quoted string or the header, and has a limit', () => {
  const warning = staleWarning(`a"b\\c\r\nSet-Cookie: x\u0000é${'y'.repeat(1000)}`);
  expect(warning).toMatch(/^110 entrepot "[ !#-[\]-~]*"$/);
  expect(warning.length).toBeLessThan(250);
});
