import { expect, it } from 'vitest';
import { ControlClient } from '../../src/control/control-client.ts';
import { remoteServices } from '../../src/control/remote-services.ts';
import type { WarmEvent } from '../../src/mirror/warm/schemas.ts';
import { eventually } from '../support/deadline.ts';
import { ControlFixture } from '../support/control-fixture.ts';

const report: WarmEvent = {
  type: 'report',
  report: { images: 20_000, failed: 0, absent: 0, fetchedBytes: 0, heldBytes: 0 },
};

function namesOf(count: number, length = 60) {
  return Array.from({ length: count }, (_, index) => ({
    reference: `registry.example.com/team/${'application'.padEnd(length, 'x')}:${index}`,
    platforms: 'linux/amd64,linux/arm64',
    optional: null,
  }));
}

it('the names of tens of thousands of images reach the server, whose log counts them', async () => {
  await using control = await ControlFixture.open();
  const { warmer } = remoteServices(new ControlClient(control.folder.path));
  control.services.warmer.events = [report];
  const images = namesOf(20_000);

  const events = await Array.fromAsync(warmer.warm({ images, referrers: false, pin: true }));

  expect(events).toEqual([report]);
  expect(control.services.warmer.calls).toEqual([{ images, referrers: false, pin: true }]);
  await eventually(60_000, 'the line in the log', () =>
    Promise.resolve(control.log.includes('"operation":"warm"')),
  );
  expect(control.log).toContain(
    '"operation":"warm","images":20000,"referrers":false,"pin":true,"outcome":"done"',
  );
  expect(control.log).not.toContain('registry.example.com');
});

it('more names than any command has are refused', async () => {
  await using control = await ControlFixture.open();
  const { warmer } = remoteServices(new ControlClient(control.folder.path));

  const asked = Array.fromAsync(warmer.warm({ images: namesOf(100_001, 1), referrers: false, pin: false }));

  await expect(asked).rejects.toMatchObject({ name: 'CareError', kind: 'invalid' });
  expect(control.services.warmer.calls).toEqual([]);
});
