import { describe, expect, it } from 'vitest';
import { ConfigFolder, complaintOf } from '../../support/config-folder.ts';

const withTls = (keys: string): string =>
  `version: 0.1\nhttp: { tls: { ${keys} } }\nproxy: { remoteurl: 'https://ghcr.io' }\n`;

describe('TLS', () => {
  it.each([
    ['', 'TLSv1.2'],
    [', minimumtls: tls1.0', 'TLSv1.2'],
    [', minimumtls: tls1.3', 'TLSv1.3'],
  ])('names its files absolutely, and is never older than 1.2 (%s)', async (minimum, version) => {
    await using folder = await ConfigFolder.create({
      'entrepot.yml': withTls(`certificate: cert.pem, key: key.pem, clientcas: [ca.pem]${minimum}`),
      'cert.pem': '',
      'key.pem': '',
      'ca.pem': '',
    });

    expect(folder.load().config.http.tls).toEqual({
      certificate: `${folder.path}/cert.pem`,
      key: `${folder.path}/key.pem`,
      clientcas: [`${folder.path}/ca.pem`],
      minimumtls: version,
    });
  });

  it('tells every file that is missing', async () => {
    await using folder = await ConfigFolder.create({
      'entrepot.yml': withTls('certificate: cert.pem, key: key.pem, clientcas: [ca.pem]'),
      'key.pem': '',
    });

    expect(
      complaintOf(() => folder.load())
        .replaceAll(`${folder.path}/`, '')
        .split('\n'),
    ).toEqual([
      'entrepot.yml:2:16: http.tls.certificate: cert.pem does not exist',
      'entrepot.yml:2:65: http.tls.clientcas[0]: ca.pem does not exist',
    ]);
  });
});
