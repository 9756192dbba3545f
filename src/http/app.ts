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
import { logAccess } from './access-log.ts';
import type { Authenticator } from './auth/authenticator.ts';
import { withoutLogins } from './auth/without-logins.ts';
import { endpointUnknown, ErrorResponder } from './errors.ts';
import { Exchange, type CommonHeaders } from './exchange.ts';
import { RequestIds } from './request-id.ts';
import { routes, type Handler, type Route, type RouteSettings } from './routes.ts';
import { upstreamOfHost } from './target.ts';

/** How clients log in at an address; `elsewhere`: not here, but at another address of this mirror. */
export type Logins = Authenticator | 'elsewhere';

export interface AppSettings extends RouteSettings {
  /** Headers for every answer (`http.headers`). */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** Host names of this mirror that are bound to one upstream, lower-case and without port. */
  readonly hosts: ReadonlyMap<string, UpstreamName>;
}

/** Settings that are left out are registry:2's. */
export interface HttpAppOptions extends Partial<AppSettings> {
  readonly mirror: Mirror;
  readonly logger: Logger;
  readonly clock: Clock;
  /** How clients log in; undefined: they do not, and everyone is anonymous. */
  readonly logins?: Logins | undefined;
}

const defaults = {
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
  const { logger } = options;
  const dispatcher = new Dispatcher(options);
  const app = new Hono({ router: new PatternRouter() });
  for (const route of routes({ ...defaults, ...options, errors: dispatcher.errors })) {
    const dispatch = dispatcher.dispatchTo(route);
    // One handler for all methods: Hono sends HEAD to the handler of GET, but a blob's HEAD must not open it.
    app.all(route.path, dispatch);
  }
  app.notFound(dispatcher.dispatchTo({ path: '*', methods: {}, open: true }, notFound));
  app.onError((error, context) => {
    // Errors while an answer is written: a part that was sent must not pass for the whole.
    logger.error({ err: error }, 'an answer could not be written');
    const bindings = context.env as HttpBindings | undefined;
    bindings?.outgoing.destroy();
    return bindings === undefined ? new Response(null, { status: 500 }) : RESPONSE_ALREADY_SENT;
  });
  return app;
}

/** Takes a request from its beginning to its answer, whatever its handler does. */
class Dispatcher {
  readonly #options: HttpAppOptions;
  readonly #commonHeaders: CommonHeaders;
  readonly #ids = new RequestIds();
  readonly #authenticator: Authenticator | undefined;
  readonly errors: ErrorResponder;

  constructor(options: HttpAppOptions) {
    const { logins, logger, headers } = { ...defaults, ...options };
    this.#options = options;
    this.#commonHeaders = commonHeaders(headers);
    this.#authenticator = typeof logins === 'object' ? logins : undefined;
    const accessErrors =
      this.#authenticator?.errorReply ?? withoutLogins(logins === undefined ? 'none' : 'public');
    this.errors = new ErrorResponder(logger, accessErrors);
  }

  /** @param always what all methods do; undefined: what the route says, and others are not allowed */
  dispatchTo(
    { methods, refused, probe, open }: Route,
    always?: Handler,
  ): (context: Context) => Promise<Response> {
    const allow = [...Object.keys(methods), 'OPTIONS'].join(', ');
    const options: Handler = (exchange) => exchange.reply({ status: 200, headers: ['Allow', allow] });
    const handlers = new Map(Object.entries({ OPTIONS: options, ...refused, ...methods }));
    return async (context) => {
      const { method } = context.req;
      const exchange = this.#begin(context, probe === true ? 'debug' : 'info');
      try {
        // Browsers ask OPTIONS without credentials.
        const isOpen = this.#authenticator === undefined || open === true || method === 'OPTIONS';
        // Those are answered in this turn: Node may find fault with what follows on the connection in the
        // next.
        if (!isOpen) await this.#authenticator.authenticate(exchange);
        return await (always ?? handlers.get(method) ?? notAllowed)(exchange);
      } catch (error) {
        const isRefused = error instanceof RegistryError && error.status === 405;
        return this.errors.respond(exchange, error, isRefused ? ['Allow', allow] : []);
      }
    };
  }

  #begin(context: Context, level: 'info' | 'debug'): Exchange {
    const { clock, hosts } = this.#options;
    const id = this.#ids.take(context.req.header('x-request-id'));
    const exchange = new Exchange(context, id, clock.now(), this.#commonHeaders);
    const byHost = hosts && upstreamOfHost(hosts, context.req.header('host'));
    const byListener = exchange.bindings?.upstream;
    if (byHost !== undefined || byListener !== undefined) {
      exchange.bound = [byHost, byListener].filter((name) => name !== undefined);
    }
    logAccess(exchange, level, this.#options);
    exchange.bindings?.onExchange?.(exchange);
    return exchange;
  }
}

function notAllowed(): never {
  throw registryErrors.unsupported();
}

function notFound(): never {
  throw endpointUnknown();
}

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
