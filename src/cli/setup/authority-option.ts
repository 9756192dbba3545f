import { readFile } from 'node:fs/promises';
import { X509Certificate } from 'node:crypto';
import { SetupUsageError } from '../setup-error.ts';

/**
 * The certificates of a PEM file, and nothing else: a private key beside them must not get to clients.
 *
 * @throws SetupUsageError
 */
export async function readAuthority(file: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new SetupUsageError(`--ca ${file} cannot be read`, { cause });
  }
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/gu) ?? [];
  if (certificates.length === 0) throw new SetupUsageError(`--ca ${file} holds no certificate in PEM form`);
  for (const certificate of certificates) {
    try {
      const parsed = new X509Certificate(certificate);
      // One that signed itself is its own authority.
      if (parsed.ca || parsed.checkIssued(parsed)) continue;
    } catch (cause) {
      throw new SetupUsageError(`--ca ${file} holds a certificate that cannot be read`, { cause });
    }
    throw new SetupUsageError(
      `--ca ${file} is the certificate of a server, not of the authority that signed it`,
    );
  }
  return `${certificates.join('\n')}\n`;
}
