import { describe, expect, it } from 'vitest';
import { judgeRealm, type Realm } from '../../../src/upstream/auth/realm.ts';
import { sendToTokenService } from '../../../src/upstream/auth/token-redirects.ts';
import type { UpstreamRequest } from '../../../src/upstream/http-message.ts';
import { ScriptedSender } from './scripted-sender.ts';

const upstream = new URL('https://registry.example.com');
const elsewhere = 'https://tokens.example.net/token';
const judgeFor =
  (...named: readonly string[]) =>
  (place: string): Realm =>
    judgeRealm(upstream, place, ({ host }) => named.includes(host));
const request: UpstreamRequest = {
  method: 'GET',
  url: new URL('https://auth.example.com/token'),
  headers: { authorization: 'Basic b3duZXI6c2VjcmV0' },
  pool: 'metadata',
};

function movedTo(location: string): ScriptedSender {
  return new ScriptedSender({ status: 307, headers: { location } }, { status: 200 });
}

describe('a token service in public that redirects to another domain', () => {
  it('has no account shown there', async () => {
    const sender = movedTo(elsewhere);

    const asking = sendToTokenService(sender, request, { judge: judgeFor(), withAccount: true });

    await expect(asking).rejects.toThrow('asks for the credentials to be sent on to tokens.example.net');
    expect(sender.requests).toHaveLength(1);
  });

  it.each([
    { by: 'anybody', named: [], withAccount: false },
    { by: 'an account, where the operator has named it', named: ['tokens.example.net'], withAccount: true },
  ])('is followed when asked by $by', async ({ named, withAccount }) => {
    const sender = movedTo(elsewhere);

    const { status } = await sendToTokenService(sender, request, { judge: judgeFor(...named), withAccount });

    expect(status).toBe(200);
    expect(sender.requests.map(({ url }) => url.href)).toEqual([request.url.href, elsewhere]);
  });
});
