import type { BlobHandler } from './blobs.ts';
import type { CatalogHandler } from './catalog.ts';
import { endpointUnknown } from './errors.ts';
import type { Exchange } from './exchange.ts';
import type { ManifestHandler } from './manifests.ts';
import type { ProbeHandler } from './probes.ts';
import type { PushHandler } from './pushes.ts';
import type { TagsHandler } from './tags.ts';
import { contentDigest, pullTarget } from './target.ts';

export type Handler = (exchange: Exchange) => Promise<Response>;

/** A path in Hono's syntax and what its methods do. Methods in `refused` answer too, but are not offered in `Allow`. */
export interface Route {
  readonly path: string;
  readonly methods: ReadonlyMap<string, Handler>;
  readonly refused?: ReadonlyMap<string, Handler>;
  /** Asked every few seconds by machines; kept out of the usual log. */
  readonly probe?: boolean;
}

export interface Handlers {
  readonly manifests: ManifestHandler;
  readonly blobs: BlobHandler;
  readonly tags: TagsHandler;
  readonly catalog: CatalogHandler;
  readonly pushes: PushHandler;
  readonly probes: ProbeHandler;
}

// Names have slashes. Any character matches, so that what is no name is told so instead of not being found.
const name = ':name{[\\s\\S]+}';

/** Every route; the first that matches has it. The ones used most come first. */
export function routes({ manifests, blobs, tags, catalog, pushes, probes }: Handlers): readonly Route[] {
  const reading = (handler: Handler): ReadonlyMap<string, Handler> =>
    new Map([
      ['GET', handler],
      ['HEAD', handler],
    ]);
  const refuse: Handler = (exchange) => pushes.refuse(exchange);
  return [
    {
      path: `/v2/${name}/manifests/:reference`,
      methods: reading((exchange) => manifests.pull(exchange)),
      refused: new Map([
        ['PUT', (exchange) => pushes.refuseManifest(exchange)],
        ['DELETE', refuse],
      ]),
    },
    {
      path: `/v2/${name}/blobs/uploads/:id?`,
      methods: new Map(),
      refused: new Map(['POST', 'PUT', 'PATCH', 'DELETE', 'GET', 'HEAD'].map((method) => [method, refuse])),
    },
    {
      path: `/v2/${name}/blobs/:digest`,
      methods: new Map<string, Handler>([
        ['GET', (exchange) => blobs.get(exchange)],
        ['HEAD', (exchange) => blobs.head(exchange)],
      ]),
      refused: new Map([['DELETE', refuse]]),
    },
    { path: `/v2/${name}/tags/list`, methods: reading((exchange) => tags.list(exchange)) },
    { path: `/v2/${name}/referrers/:digest`, methods: reading(referrers) },
    { path: '/v2/_catalog', methods: reading((exchange) => catalog.list(exchange)) },
    { path: '/v2', methods: reading(version) },
    { path: '/healthz', methods: reading((exchange) => probes.health(exchange)), probe: true },
    { path: '/readyz', methods: reading((exchange) => probes.readiness(exchange)), probe: true },
    { path: '/', methods: reading(welcome) },
  ];
}

/** The API version check. The router ignores a slash at the end; clients that leave it out are sent on, as registry:2 does. */
function version(exchange: Exchange): Promise<Response> {
  return Promise.resolve(
    exchange.path.endsWith('/')
      ? exchange.reply({ status: 200, headers: ['Content-Type', 'application/json'], body: '{}' })
      : exchange.reply({ status: 301, headers: ['Location', '/v2/'] }),
  );
}

/** Not offered: after a 404 clients look for referrers under the tag schema, which passes through like any tag. */
function referrers(exchange: Exchange): Promise<Response> {
  pullTarget(exchange);
  contentDigest(exchange);
  return Promise.reject(endpointUnknown());
}

function welcome(exchange: Exchange): Promise<Response> {
  return Promise.resolve(
    exchange.reply({
      status: 200,
      headers: ['Content-Type', 'text/plain; charset=utf-8', 'Cache-Control', 'no-cache'],
      body: 'Entrepot: a pull-through caching mirror for container registries. The registry API is under /v2/.\n',
    }),
  );
}
