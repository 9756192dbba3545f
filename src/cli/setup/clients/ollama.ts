import type { Guide } from '../guide.ts';
import type { MirrorAddress, Origin } from '../mirror-address.ts';

const registry = 'registry.ollama.ai';
/** Where nothing else is configured. */
const port = '5011';

/** Ollama: the mirror is in the model's name, which has no room for a registry in the path. */
export function ollama(mirror: MirrorAddress): Guide {
  const { origin, upstreams, login } = mirror;
  const own = upstreams.find(({ name }) => name === registry)?.own;
  const at = own ?? origin.with({ port });
  const model = `${at.authority}/library/llama3.2`;
  const pull = `ollama pull ${at.secure ? '' : '--insecure '}${model}`;
  return {
    snippets: [
      ...(own === undefined ? [{ title: "the mirror's configuration", text: upstreamYaml }] : []),
      {
        title: 'a shell; the short name costs no second copy',
        text: `${pull}\nollama cp ${model} llama3.2\n`,
      },
    ],
    notes: [
      `A name of Ollama's has three parts, HOST:PORT/NAMESPACE/MODEL, and no room for a registry in the path: ${own === undefined ? `${registry} needs a listen address or a host name of its own, beside ${origin.authority}` : `at ${at.authority}, plain names are those of ${registry}`}. What Ollama calls llama3.2 is library/llama3.2 there.`,
      trustNote(at, mirror),
      login !== 'none' &&
        `Ollama logs in at no registry but its own, and so gets only what everybody may read${login === 'required' ? ': from this mirror nothing, without access.anonymous: allow' : ''}.`,
      mirror.clientCertificates && 'The mirror asks for a client certificate, and Ollama can show none.',
    ],
  };
}

const upstreamYaml = `upstreams:
  ${registry}:
    listen: :${port}
`;

function trustNote({ secure }: Origin, { ca }: MirrorAddress): string {
  if (!secure)
    return 'Without TLS --insecure is needed each time; in a request to the API it is "insecure": true.';
  const always = 'With TLS, leave --insecure out: it makes Ollama ask by plain HTTP.';
  if (ca === undefined) return always;
  return `${always} What has to trust the authority is "ollama serve": put the authority into the system's store, or name its file in SSL_CERT_FILE there.`;
}
