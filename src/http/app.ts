import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { Hono, type Context } from 'hono';
import { PatternRouter } from 'hono/router/pattern-router';
import type { Clock } from '../clock.ts';
import { RegistryError, registryErrors } from '../oci/error.ts';
import type { Mirror } from '../mirror/mirror.ts';
import type { Logger } from '../telemetry/log.ts';
import { AccessLog } from './access-log.ts';
import { BlobHandler } from './blobs.ts';
import { CatalogHandler } from './catalog.ts';
import { endpointUnknown, ErrorResponder } from './errors.ts';
import { Exchange, type CommonHeaders } from './exchange.ts';
import { ManifestHandler } from './manifests.ts';
import { ProbeHandler } from './probes.ts';
import { PushHandler } from './pushes.ts';
import { RequestIds } from './request-id.ts';
import { routes, type Handler, type Route } from './routes.ts';
import { TagsHandler } from './tags.ts';

export interface HttpAppOptions {
  readonly mirror: Mirror;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Headers for every answer (`http.headers` of the configuration). */
  readonly headers?: Readonly<Record<string, readonly string[]>> | undefined;
}

/**
 * The registry's HTTP interface. Throws TypeError when one of `headers` cannot be sent.
 *
 * There is no middleware: answers are written to Node's own response, which nobody may touch after a handler is done.
 */
export function createHttpApp({ mirror, logger, clock, headers = {} }: HttpAppOptions): Hono {
  const common = commonHeaders(headers);
  const ids = new RequestIds();
  const errors = new ErrorResponder(logger);
  const accessLog = new AccessLog(logger, clock);
  const app = new Hono({ router: new PatternRouter() });

  const begin = (context: Context, level: 'info' | 'debug' = 'info'): Exchange => {
    const exchange = new Exchange(context, ids.take(context.req.header('x-request-id')), clock.now(), common);
    accessLog.watch(exchange, level);
    return exchange;
  };
  const serve = async (exchange: Exchange, handler: Handler, allow: string): Promise<Response> => {
    try {
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
        allow,
      ),
    );
  };

  const handlers = {
    manifests: new ManifestHandler(mirror),
    blobs: new BlobHandler(mirror, logger, errors),
    tags: new TagsHandler(mirror),
    catalog: new CatalogHandler(mirror),
    pushes: new PushHandler(logger, clock),
    probes: new ProbeHandler(mirror),
  };
  for (const route of routes(handlers)) add(route);
  app.notFound((context) => serve(begin(context), notFound, ''));
  app.onError((error, context) => {
    // Only a fault in writing the answer itself comes here; whatever is out already must not pass for an answer.
    logger.error({ err: error }, 'an answer could not be written');
    const bindings = context.env as HttpBindings | undefined;
    bindings?.outgoing.destroy();
    return bindings === undefined ? new Response(null, { status: 500 }) : RESPONSE_ALREADY_SENT;
  });
  return app;
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
