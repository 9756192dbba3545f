import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CertificateAuthority, maxServerDays } from '../src/cli/setup-tls/certificate-authority.ts';
import { newKey } from '../src/cli/setup-tls/private-key.ts';

/** A certificate for 127.0.0.1 that all peers are given. */
export interface Certificate {
  /** Files, PEM. */
  readonly certificate: string;
  readonly key: string;
  /** The authority that signed it, PEM. */
  readonly ca: string;
}

/** Makes one, as `entrepot setup-tls` does; its files go to `folder`. */
export async function makeCertificate(folder: string): Promise<Certificate> {
  const now = Date.now();
  const authority = await CertificateAuthority.create('bench', newKey(), now);
  const serverKey = newKey();
  const { certificate: text } = await authority.issue(
    serverKey,
    [{ type: 'ip', value: '127.0.0.1' }],
    maxServerDays,
    now,
  );
  const [certificate, key] = [join(folder, 'server.crt'), join(folder, 'server.key')];
  await writeFile(certificate, text);
  await writeFile(key, serverKey, { mode: 0o600 });
  return { certificate, key, ca: authority.certificate };
}
