import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { Hono } from 'hono';
import { PatternRouter } from 'hono/router/pattern-router';
import type { Clock } from '../base/clock.ts';
import type { Hops } from '../base/hops.ts';
import type { UpstreamName } from '../oci/reference.ts';
import type { Mirror } from '../mirror/mirror.ts';
import type { Logger } from '../telemetry/log.ts';
import { Dispatcher, type Logins } from './dispatcher.ts';
import { endpointUnknown } from './errors.ts';
import { routes, type RouteSettings } from './routes.ts';

export interface AppSettings extends RouteSettings {
  /** Headers for every answer (`http.headers`). */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** Host names of this mirror that are bound to one upstream, lower-case and without port. */
  readonly hosts: ReadonlyMap<string, UpstreamName>;
}

/** Settings that are left out are registry:2's. */
interface HttpAppOptions extends Partial<AppSettings> {
  readonly mirror: Mirror;
  readonly logger: Logger;
  readonly clock: Clock;
  /** How clients log in; undefined: they do not, and everyone is anonymous. */
  readonly logins?: Logins | undefined;
  readonly hops?: Hops | undefined;
}

const defaults: AppSettings = {
  headers: {},
  hosts: new Map(),
  maxCatalogEntries: 1000,
  maxTags: undefined,
  deletions: false,
};

/**
 * The registry's HTTP interface. Throws TypeError when one of `headers` cannot be sent.
 *
 * Without middleware: answers are written to Node's own response, which must not change after a handler.
 */
export function createHttpApp(options: HttpAppOptions): Hono {
  const deps = { ...defaults, ...options };
  const dispatcher = new Dispatcher(deps);
  const app = new Hono({ router: new PatternRouter() });
  // One handler for all methods: Hono sends HEAD to the handler of GET, but a blob's HEAD must not open it.
  for (const route of routes(deps)) app.all(route.path, dispatcher.dispatchTo(route));
  app.notFound(dispatcher.dispatchTo({ path: '*', methods: {}, open: true }, notFound));
  app.onError((error, context) => {
    // Errors while an answer is written: a part that was sent must not pass for the whole.
    deps.logger.error({ err: error }, 'an answer could not be written');
    const bindings = context.env as HttpBindings | undefined;
    bindings?.outgoing.destroy();
    return bindings === undefined ? new Response(null, { status: 500 }) : RESPONSE_ALREADY_SENT;
  });
  return app;
}

function notFound(): never {
  throw endpointUnknown();
}
