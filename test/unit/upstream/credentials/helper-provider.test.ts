import { describe, expect, it } from 'vitest';
import type { Credentials } from '../../../../src/upstream/auth/credentials.ts';
import { CredentialError } from '../../../../src/upstream/credentials/credential-error.ts';
import { HelperProvider, type Helper } from '../../../../src/upstream/credentials/helper-provider.ts';
import { logLines } from '../../../support/log-lines.ts';
import { TestClock } from '../../../support/test-clock.ts';

const minute = 60_000;
const hour = 60 * minute;

/** Gives a new password each time that it is asked, as Amazon's helper does. */
class Vault implements Helper {
  readonly name = 'docker-credential-vault';
  readonly asked: string[] = [];
  failing = false;
  empty = false;
  hold: Promise<void> = Promise.resolve();

  async get(key: string): Promise<Credentials | undefined> {
    this.asked.push(key);
    const password = `s3cret-${this.asked.length}`;
    await this.hold;
    if (this.failing) throw new CredentialError('docker-credential-vault failed');
    return this.empty ? undefined : { username: 'AWS', password };
  }
}

function setup(lifetimeMs = hour) {
  const clock = new TestClock();
  const helper = new Vault();
  const { logger, lines } = logLines('trace');
  return { clock, helper, lines, provider: new HelperProvider({ helper, lifetimeMs, clock, logger }) };
}

function password(number: number): Credentials {
  return { username: 'AWS', password: `s3cret-${number}` };
}

describe('HelperProvider', () => {
  it("asks for Docker Hub by Docker's own name, for others by their host", async () => {
    const { helper, provider } = setup();
    await provider.get('registry-1.docker.io');
    await provider.get('registry:5000');
    expect(helper.asked).toEqual(['https://index.docker.io/v1/', 'registry:5000']);
  });

  it('asks once for all who want credentials at the same time', async () => {
    const { helper, provider } = setup();
    const given = await Promise.all(Array.from({ length: 50 }, () => provider.get('ghcr.io')));
    expect(new Set(given.map((credentials) => JSON.stringify(credentials))).size).toBe(1);
    expect(helper.asked).toHaveLength(1);
  });

  it('keeps what it was told for its lifetime, and not longer', async () => {
    const { clock, helper, provider } = setup();
    await provider.get('ghcr.io');
    await clock.advance(50 * minute);
    expect(await provider.get('ghcr.io')).toEqual(password(1));
    expect(helper.asked).toHaveLength(1);
    await clock.advance(10 * minute);
    expect(await provider.get('ghcr.io')).toEqual(password(2));
  });

  it('asks anew shortly before the end, while the old credentials are still given out', async () => {
    const { clock, helper, provider } = setup();
    await provider.get('ghcr.io');
    await clock.advance(52 * minute);
    expect(await provider.get('ghcr.io')).toEqual(password(1));
    await clock.advance(0);
    expect(await provider.get('ghcr.io')).toEqual(password(2));
    expect(helper.asked).toHaveLength(2);
  });

  it('asks for every request with a lifetime of 0, and once with an infinite one', async () => {
    const every = setup(0);
    await every.provider.get('ghcr.io');
    expect(await every.provider.get('ghcr.io')).toEqual(password(2));
    const once = setup(Infinity);
    await once.provider.get('ghcr.io');
    await once.clock.advance(10_000 * hour);
    expect(await once.provider.get('ghcr.io')).toEqual(password(1));
  });

  it('does not keep failures', async () => {
    const { helper, lines, provider } = setup();
    helper.failing = true;
    await expect(provider.get('ghcr.io')).rejects.toThrow(CredentialError);
    helper.failing = false;
    expect(await provider.get('ghcr.io')).toEqual(password(2));
    expect(lines.filter(({ msg }) => msg === 'the credential helper failed')).toHaveLength(1);
  });

  it('uses the old credentials to their end while the helper fails', async () => {
    const { clock, helper, provider } = setup();
    await provider.get('ghcr.io');
    helper.failing = true;
    await clock.advance(55 * minute);
    expect(await provider.get('ghcr.io')).toEqual(password(1));
    await clock.advance(6 * minute);
    await expect(provider.get('ghcr.io')).rejects.toThrow(CredentialError);
  });

  it('notices a login within a minute', async () => {
    const { clock, helper, provider } = setup();
    helper.empty = true;
    expect(await provider.get('ghcr.io')).toBeUndefined();
    helper.empty = false;
    expect(await provider.get('ghcr.io')).toBeUndefined();
    await clock.advance(minute);
    expect(await provider.get('ghcr.io')).toEqual(password(2));
  });

  it('asks anew for credentials that were refused, those of that host only', async () => {
    const { provider } = setup();
    await provider.get('ghcr.io');
    await provider.get('quay.io');
    provider.refused('ghcr.io');
    expect(await provider.get('ghcr.io')).toEqual(password(3));
    expect(await provider.get('quay.io')).toEqual(password(2));
  });

  it('does not run the helper in circles when all that it gives is refused', async () => {
    const { clock, helper, provider } = setup();
    for (let request = 0; request < 100; request += 1) {
      await provider.get('ghcr.io');
      provider.refused('ghcr.io');
    }
    expect(helper.asked).toHaveLength(2);
    await clock.advance(minute);
    provider.refused('ghcr.io');
    expect(await provider.get('ghcr.io')).toEqual(password(3));
  });

  it('logs no secret', async () => {
    const { clock, helper, lines, provider } = setup();
    await provider.get('ghcr.io');
    helper.failing = true;
    await clock.advance(55 * minute);
    await provider.get('ghcr.io');
    await clock.advance(0);
    expect(lines.length).toBeGreaterThan(1);
    expect(JSON.stringify(lines)).not.toContain('s3cret');
  });
});
