import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { Hono, type Context } from 'hono';
import { PatternRouter } from 'hono/router/pattern-router';
import type { Clock } from '../base/clock.ts';
import { RegistryError, registryErrors } from '../oci/error.ts';
import type { UpstreamName } from '../oci/reference.ts';
import type { Mirror } from '../mirror/mirror.ts';
import type { Logger } from '../telemetry/log.ts';
import { AccessLog, accessRecord } from './access-log.ts';
import type { Authenticator } from './auth/authenticator.ts';
import { withoutLogins } from './auth/without-logins.ts';
import { BlobHandler } from './blobs.ts';
import { CatalogHandler } from './catalog.ts';
import { DeletionHandler } from './deletions.ts';
import { endpointUnknown, ErrorResponder } from './errors.ts';
import { Exchange, type CommonHeaders } from './exchange.ts';
import { HostNames } from './host-names.ts';
import { ManifestHandler } from './manifests.ts';
import { ProbeHandler } from './probes.ts';
import { PushHandler } from './pushes.ts';
import { ReferrersHandler } from './referrers.ts';
import { RequestIds } from './request-id.ts';
import { routes, type Handler, type Route } from './routes.ts';
import { SearchHandler } from './search.ts';
import { TagsHandler } from './tags.ts';

/** How clients log in at an address; `elsewhere`: not here, but at another address of this mirror. */
export type Logins = Authenticator | 'elsewhere';

export interface HttpAppOptions {
  readonly mirror: Mirror;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Headers for every answer (`http.headers` of the configuration). */
  readonly headers?: Readonly<Record<string, readonly string[]>> | undefined;
  /** How clients log in; if not given, they do not, and everyone is anonymous. */
  readonly logins?: Logins | undefined;
  /** Host names of this mirror that are bound to one upstream, lower-case and without port. */
  readonly hosts?: ReadonlyMap<string, UpstreamName> | undefined;
  /** Entries of the catalog in one page at most (`catalog.maxentries`). */
  readonly maxCatalogEntries?: number | undefined;
  /** Tags in one page at most (`tags.maxtags`); undefined for no limit. */
  readonly maxTags?: number | undefined;
  /** Whether clients may delete from the cache (`storage.delete.enabled`); if not given, they may not. */
  readonly deletions?: boolean | undefined;
}

/** As registry:2 has it. */
const defaultMaxCatalogEntries = 1000;

/**
 * The registry's HTTP interface. Throws TypeError when one of `headers` cannot be sent.
 *
 * There is no middleware: answers are written to Node's own response, which must not change after a handler is done.
 */
export function createHttpApp(options: HttpAppOptions): Hono {
  const { mirror, logger, clock, headers = {}, logins } = options;
  const common = commonHeaders(headers);
  const ids = new RequestIds();
  const hostNames =
    options.hosts === undefined || options.hosts.size === 0 ? undefined : new HostNames(options.hosts);
  const authenticator = typeof logins === 'object' ? logins : undefined;
  const accessErrors = authenticator?.errorReply ?? withoutLogins(logins === 'elsewhere' ? 'public' : 'none');
  const errors = new ErrorResponder(logger, accessErrors);
  const accessLog = new AccessLog(logger, clock);
  const app = new Hono({ router: new PatternRouter() });

  const begin = (context: Context, level: 'info' | 'debug' = 'info'): Exchange => {
    const exchange = new Exchange(context, ids.take(context.req.header('x-request-id')), clock.now(), common);
    const byHost = hostNames?.upstreamOf(exchange.header('host'));
    const byListener = exchange.bindings?.upstream;
    if (byHost !== undefined || byListener !== undefined) {
      exchange.bound = [byHost, byListener].filter((name) => name !== undefined);
    }
    accessLog.watch(exchange, level);
    keepAnswer(exchange);
    return exchange;
  };
  const serve = async (
    exchange: Exchange,
    handler: Handler,
    { allow, open }: { readonly allow: string; readonly open: boolean },
  ): Promise<Response> => {
    try {
      if (authenticator !== undefined && !open) await authenticator.authenticate(exchange);
      return await handler(exchange);
    } catch (error) {
      const refused = error instanceof RegistryError && error.status === 405;
      return errors.respond(exchange, error, refused ? ['Allow', allow] : []);
    }
  };
  const add = (route: Route): void => {
    const allow = [...route.methods.keys(), 'OPTIONS'].join(', ');
    const handlers = new Map<string, Handler>([
      ['OPTIONS', (exchange) => Promise.resolve(exchange.reply({ status: 200, headers: ['Allow', allow] }))],
      ...(route.refused ?? []),
      ...route.methods,
    ]);
    // One handler for all methods: Hono sends HEAD to the handler of GET, but a blob's HEAD must not open it.
    app.all(route.path, (context) =>
      serve(
        begin(context, route.probe === true ? 'debug' : 'info'),
        handlers.get(context.req.method) ?? notAllowed,
        // Browsers ask OPTIONS without credentials.
        { allow, open: route.open === true || context.req.method === 'OPTIONS' },
      ),
    );
  };

  const handlers = {
    manifests: new ManifestHandler(mirror),
    blobs: new BlobHandler(mirror, logger, errors),
    tags: new TagsHandler(mirror, options.maxTags),
    referrers: new ReferrersHandler(mirror),
    catalog: new CatalogHandler(mirror, options.maxCatalogEntries ?? defaultMaxCatalogEntries),
    search: new SearchHandler(mirror),
    pushes: new PushHandler(logger, clock),
    deletions: options.deletions === true ? new DeletionHandler(mirror, logger) : undefined,
    probes: new ProbeHandler(mirror),
  };
  for (const route of routes(handlers)) add(route);
  app.notFound((context) => serve(begin(context), notFound, { allow: '', open: true }));
  app.onError((error, context) => {
    // Only errors while the answer is written come here; a part that was sent already must not pass for a whole answer.
    logger.error({ err: error }, 'an answer could not be written');
    const bindings = context.env as HttpBindings | undefined;
    bindings?.outgoing.destroy();
    return bindings === undefined ? new Response(null, { status: 500 }) : RESPONSE_ALREADY_SENT;
  });
  return app;
}

/** Has an answer that may be given again kept, once it is out. */
function keepAnswer(exchange: Exchange): void {
  if (exchange.bindings?.storeAnswer === undefined) return;
  const { incoming, outgoing, storeAnswer } = exchange.bindings;
  outgoing.once('finish', () => {
    const { cacheable } = exchange;
    // Given again, it takes no time.
    if (cacheable !== undefined) storeAnswer({ ...cacheable, record: accessRecord(exchange, incoming, 0) });
  });
}

const notAllowed: Handler = () => Promise.reject(registryErrors.unsupported());
const notFound: Handler = () => Promise.reject(endpointUnknown());

function commonHeaders(configured: Readonly<Record<string, readonly string[]>>): CommonHeaders {
  const plain = Object.entries(configured).flatMap(([name, values]) => {
    validateHeaderName(name);
    return values.flatMap((value) => {
      validateHeaderValue(name, value);
      return [name, value];
    });
  });
  return { plain, api: ['Docker-Distribution-Api-Version', 'registry/2.0', ...plain] };
}
