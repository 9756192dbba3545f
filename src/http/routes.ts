import type { Clock } from '../base/clock.ts';
import type { Mirror } from '../mirror/mirror.ts';
import type { Logger } from '../telemetry/log.ts';
import { BlobHandler } from './blobs.ts';
import { listCatalog } from './catalog.ts';
import { deleteImage } from './deletions.ts';
import type { Exchange } from './exchange.ts';
import { imageListPath, listImages } from './image-list.ts';
import { pullManifest } from './manifests.ts';
import { health, readiness } from './probes.ts';
import { PushHandler } from './pushes.ts';
import { listReferrers } from './referrers.ts';
import { search, searchPing } from './search.ts';
import { listTags } from './tags.ts';
import { version } from './version.ts';

/** Rejects or throws RegistryError for what is answered with an error. */
export type Handler = (exchange: Exchange) => Response | Promise<Response>;

/** Handlers by method. */
type Methods = Readonly<Record<string, Handler>>;

/** A path in Hono's syntax and what its methods do. Those in `refused` answer too, but are not in `Allow`. */
export interface Route {
  readonly path: string;
  readonly methods: Methods;
  readonly refused?: Methods;
  /** Requested every few seconds by machines; kept out of the usual log. */
  readonly probe?: boolean;
  /** The same answer for everyone: the client is not authenticated, which may take a while. */
  readonly open?: boolean;
}

export interface RouteSettings {
  /** Entries of the catalog in one page at most (`catalog.maxentries`). */
  readonly maxCatalogEntries: number;
  /** Tags in one page at most (`tags.maxtags`); undefined for no limit. */
  readonly maxTags: number | undefined;
  /** Whether clients may delete from the cache (`storage.delete.enabled`). */
  readonly deletions: boolean;
}

interface RouteDeps extends RouteSettings {
  readonly mirror: Mirror;
  readonly logger: Logger;
  readonly clock: Clock;
}

// Names have slashes. Any character matches, so that an invalid name is NAME_INVALID, not an unknown route.
const name = ':name{[\\s\\S]+}';

const uploadMethods = ['POST', 'PUT', 'PATCH', 'DELETE', 'GET', 'HEAD'];

/** Every route; the first that matches has it. The ones used most come first. */
export function routes(deps: RouteDeps): readonly Route[] {
  const { mirror, logger, clock } = deps;
  const blobs = new BlobHandler(mirror, logger);
  const pushes = new PushHandler(logger, clock);
  const refuse: Handler = (exchange) => pushes.refuse(exchange, 'push');
  const refuseDeletion: Methods = { DELETE: (exchange) => pushes.refuse(exchange, 'deletion') };
  const deletion: Methods = deps.deletions
    ? { DELETE: (exchange) => deleteImage(mirror, exchange, logger) }
    : {};
  return [
    {
      path: `/v2/${name}/manifests/:reference`,
      methods: { ...reading((exchange) => pullManifest(mirror, exchange)), ...deletion },
      refused: { PUT: (exchange) => pushes.refuseManifest(exchange), ...refuseDeletion },
    },
    {
      path: `/v2/${name}/blobs/uploads/:id?`,
      methods: {},
      refused: Object.fromEntries(uploadMethods.map((method) => [method, refuse])),
    },
    {
      path: `/v2/${name}/blobs/:digest`,
      methods: { GET: (exchange) => blobs.get(exchange), HEAD: (exchange) => blobs.head(exchange) },
      refused: refuseDeletion,
    },
    {
      path: `/v2/${name}/tags/list`,
      methods: reading((exchange) => listTags(mirror, exchange, deps.maxTags)),
    },
    {
      path: `/v2/${name}/referrers/:digest`,
      methods: reading((exchange) => listReferrers(mirror, exchange)),
    },
    {
      path: '/v2/_catalog',
      methods: reading((exchange) => listCatalog(mirror, exchange, deps.maxCatalogEntries)),
    },
    {
      path: imageListPath,
      methods: reading((exchange) => listImages(mirror, exchange, deps.maxCatalogEntries)),
    },
    { path: '/v2', methods: reading(version) },
    { path: '/v1/search', methods: reading((exchange) => search(mirror, exchange)) },
    { path: '/v1/_ping', methods: reading(searchPing), open: true },
    { path: '/healthz', methods: reading(health), probe: true, open: true },
    {
      path: '/readyz',
      methods: reading((exchange) => readiness(mirror, exchange)),
      probe: true,
      open: true,
    },
    { path: '/', methods: reading(welcome), open: true },
  ];
}

function reading(handler: Handler): Methods {
  return { GET: handler, HEAD: handler };
}

function welcome(exchange: Exchange): Response {
  return exchange.reply({
    status: 200,
    headers: ['Content-Type', 'text/plain; charset=utf-8', 'Cache-Control', 'no-cache'],
    body: 'Entrepot: a pull-through caching mirror for container registries. The registry API is under /v2/.\n',
  });
}
