import type { BlobHandler } from './blobs.ts';
import type { CatalogHandler } from './catalog.ts';
import type { DeletionHandler } from './deletions.ts';
import type { Exchange } from './exchange.ts';
import type { ManifestHandler } from './manifests.ts';
import type { ProbeHandler } from './probes.ts';
import type { PushHandler } from './pushes.ts';
import type { ReferrersHandler } from './referrers.ts';
import type { SearchHandler } from './search.ts';
import type { TagsHandler } from './tags.ts';
import { version } from './version.ts';

export type Handler = (exchange: Exchange) => Promise<Response>;

/** A path in Hono's syntax and what its methods do. Methods in `refused` answer too, but are not offered in `Allow`. */
export interface Route {
  readonly path: string;
  readonly methods: ReadonlyMap<string, Handler>;
  readonly refused?: ReadonlyMap<string, Handler>;
  /** Asked every few seconds by machines; kept out of the usual log. */
  readonly probe?: boolean;
  /** The same answer for everyone: the client is not authenticated, which may take a while. */
  readonly open?: boolean;
}

export interface Handlers {
  readonly manifests: ManifestHandler;
  readonly blobs: BlobHandler;
  readonly tags: TagsHandler;
  readonly referrers: ReferrersHandler;
  readonly catalog: CatalogHandler;
  readonly search: SearchHandler;
  readonly pushes: PushHandler;
  /** Undefined: deletions are refused. */
  readonly deletions: DeletionHandler | undefined;
  readonly probes: ProbeHandler;
}

// Names have slashes. Any character matches, so that an invalid name is answered NAME_INVALID and not as an unknown route.
const name = ':name{[\\s\\S]+}';

/** Every route; the first that matches has it. The ones used most come first. */
export function routes({
  manifests,
  blobs,
  tags,
  referrers,
  catalog,
  search,
  pushes,
  deletions,
  probes,
}: Handlers): readonly Route[] {
  const reading = (handler: Handler): ReadonlyMap<string, Handler> =>
    new Map([
      ['GET', handler],
      ['HEAD', handler],
    ]);
  const refuse: Handler = (exchange) => pushes.refuse(exchange);
  const refuseDeletion: Handler = (exchange) => pushes.refuseDeletion(exchange);
  return [
    {
      path: `/v2/${name}/manifests/:reference`,
      methods: new Map([
        ...reading((exchange) => manifests.pull(exchange)),
        ...(deletions === undefined
          ? []
          : [['DELETE', (exchange: Exchange) => deletions.remove(exchange)] as const]),
      ]),
      refused: new Map([
        ['PUT', (exchange) => pushes.refuseManifest(exchange)],
        ['DELETE', refuseDeletion],
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
      refused: new Map([['DELETE', refuseDeletion]]),
    },
    { path: `/v2/${name}/tags/list`, methods: reading((exchange) => tags.list(exchange)) },
    { path: `/v2/${name}/referrers/:digest`, methods: reading((exchange) => referrers.list(exchange)) },
    { path: '/v2/_catalog', methods: reading((exchange) => catalog.list(exchange)) },
    { path: '/v2', methods: reading(version) },
    { path: '/v1/search', methods: reading((exchange) => search.search(exchange)) },
    { path: '/v1/_ping', methods: reading((exchange) => search.ping(exchange)), open: true },
    { path: '/healthz', methods: reading((exchange) => probes.health(exchange)), probe: true, open: true },
    { path: '/readyz', methods: reading((exchange) => probes.readiness(exchange)), probe: true, open: true },
    { path: '/', methods: reading(welcome), open: true },
  ];
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
