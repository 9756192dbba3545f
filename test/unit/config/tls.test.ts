import { getCiphers } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { cipherSuites, openSslCipher } from '../../../src/config/ciphers.ts';
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

  it.each([
    ['[TLS_AES_128_GCM_SHA256]', ''],
    ['[TLS_RSA_WITH_AES_128_CBC_SHA]', ':AES128-SHA'],
    [
      '[TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls_ecdhe_ecdsa_with_chacha20_poly1305_sha256]',
      ':ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305',
    ],
  ])('offers the suites that %s names, and those of TLS 1.3', async (suites, list) => {
    await using folder = await ConfigFolder.create({
      'entrepot.yml': withTls(`certificate: cert.pem, key: key.pem, ciphersuites: ${suites}`),
      'cert.pem': '',
      'key.pem': '',
    });

    expect(folder.load().config.http.tls?.ciphers).toBe(
      `TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256${list}`,
    );
  });

  it('knows no suite that this machine does not', () => {
    const offered = cipherSuites.flatMap((name) => openSslCipher(name)?.toLowerCase() ?? []);

    expect(offered).toHaveLength(17);
    expect(getCiphers()).toEqual(expect.arrayContaining(offered));
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
