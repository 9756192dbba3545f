import { describe, expect, it } from 'vitest';
import { guides } from '../../../../src/cli/setup/clients/guides.ts';
import type { MirrorAddress } from '../../../../src/cli/setup/mirror-address.ts';
import { Origin } from '../../../../src/cli/setup/mirror-address.ts';
import { printGuide } from '../../../../src/cli/setup/print-guide.ts';
import { aMirror, authority } from './a-mirror.ts';

const printed = (mirror: MirrorAddress): string => printGuide(guides.ollama.guide(mirror));

/** A mirror with an address for Ollama's registry. */
function withOllama(url: string, own: string, other: Partial<MirrorAddress> = {}): MirrorAddress {
  const mirror = aMirror(url, other);
  const registry = { name: 'registry.ollama.ai', server: 'https://registry.ollama.ai' };
  return { ...mirror, upstreams: [...mirror.upstreams, { ...registry, own: Origin.parse(own) }] };
}

describe('the guide to Ollama', () => {
  it('pulls by the address that Ollama’s registry has for itself', () => {
    const text = printed(withOllama('http://mirror.lan:5000', 'http://models.lan:5000'));

    expect(text).toContain('ollama pull --insecure models.lan:5000/library/llama3.2\n');
    expect(text).toContain('ollama cp models.lan:5000/library/llama3.2 llama3.2\n');
    expect(text).not.toContain('listen: :');
  });

  it('says what the mirror needs where there is no such address', () => {
    const text = printed(aMirror());

    expect(text).toContain('upstreams:\n  registry.ollama.ai:\n    listen: :5011\n');
    expect(text).toContain('ollama pull --insecure mirror.lan:5011/library/llama3.2\n');
  });

  it('leaves out --insecure with TLS, which would switch it off, and says who has to trust', () => {
    const mirror = withOllama('https://mirror.example', 'https://mirror.example:5011', { ca: authority });
    const text = printed(mirror);

    expect(text).toContain('ollama pull mirror.example:5011/library/llama3.2\n');
    expect(text).toContain('SSL_CERT_FILE');
  });

  it('says that Ollama cannot log in', () => {
    const url = 'http://mirror.lan:5000';
    expect(printed(withOllama(url, url, { login: 'required' }))).toMatch(/access\.anonymous:[#\s]+allow/u);
    expect(printed(withOllama(url, url, { login: 'none' }))).not.toContain('logs in');
  });
});
