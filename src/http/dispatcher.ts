import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { Context } from 'hono';
import type { Clock } from '../base/clock.ts';
import { mirrorLoop, type Hops } from '../base/hops.ts';
import { RegistryError, registryErrors } from '../oci/error.ts';
import type { UpstreamName } from '../oci/reference.ts';
import type { Logger } from '../telemetry/log.ts';
import { logAccess } from './access-log.ts';
import type { Authenticator } from './auth/authenticator.ts';
import { withoutLogins } from './auth/without-logins.ts';
import { errorReply, type AccessErrorReply } from './errors.ts';
import { Exchange, type CommonHeaders } from './exchange.ts';
import type { HeaderList } from './reply.ts';
import { RequestIds } from './request-id.ts';
import type { Handler, Route } from './routes.ts';
import { upstreamOfHost } from './target.ts';

/** How clients log in at an address; `elsewhere`: not here, but at another address of this mirror. */
export type Logins = Authenticator | 'elsewhere';

interface DispatcherDeps {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly hosts: ReadonlyMap<string, UpstreamName>;
  readonly logins?: Logins | undefined;
  /** Undefined where no upstream can be another mirror. */
  readonly hops?: Hops | undefined;
}

/** Takes a request from its beginning to its answer: login, handler, errors, log. */
export class Dispatcher {
  readonly #deps: DispatcherDeps;
  readonly #commonHeaders: CommonHeaders;
  readonly #ids = new RequestIds();
  readonly #authenticator: Authenticator | undefined;
  readonly #accessErrorReply: AccessErrorReply;

  /** Throws TypeError when one of the headers cannot be sent. */
  constructor(deps: DispatcherDeps) {
    const { logins, headers } = deps;
    this.#deps = deps;
    this.#commonHeaders = commonHeaders(headers);
    this.#authenticator = typeof logins === 'object' ? logins : undefined;
    this.#accessErrorReply =
      this.#authenticator?.errorReply ?? withoutLogins(logins === undefined ? 'none' : 'public');
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
        // Those are answered in this turn: in the next, Node may complain of what follows on the connection.
        if (!isOpen) await this.#authenticator.authenticate(exchange);
        const handler = always ?? handlers.get(method) ?? notAllowed;
        const via = context.req.header('via');
        return await (via === undefined ? handler(exchange) : this.#follow(via, handler, exchange));
      } catch (error) {
        const isRefused = error instanceof RegistryError && error.status === 405;
        return this.#fail(exchange, error, isRefused ? ['Allow', allow] : exchange.errorHeaders);
      }
    };
  }

  /** Handles a request that came through another proxy or mirror. */
  #follow(via: string, handler: Handler, exchange: Exchange): Response | Promise<Response> {
    const { hops } = this.#deps;
    if (hops === undefined) return handler(exchange);
    if (hops.isLoop(via)) throw registryErrors.loop(mirrorLoop);
    return hops.follow(via, () => handler(exchange));
  }

  #begin(context: Context, level: 'info' | 'debug'): Exchange {
    const { clock, hosts } = this.#deps;
    const id = this.#ids.take(context.req.header('x-request-id'));
    const exchange = new Exchange(context, id, clock.now(), this.#commonHeaders);
    const byHost = upstreamOfHost(hosts, context.req.header('host'));
    const byListener = exchange.bindings?.upstream;
    if (byHost !== undefined || byListener !== undefined) {
      exchange.bound = [byHost, byListener].filter((name) => name !== undefined);
    }
    logAccess(exchange, level, this.#deps);
    exchange.bindings?.onExchange?.(exchange);
    return exchange;
  }

  /** The one place where errors become answers. An unexpected error is a 500 without details. */
  #fail(exchange: Exchange, thrown: unknown, errorHeaders: HeaderList): Response {
    const { logger } = this.#deps;
    const { id: requestId } = exchange;
    const known = thrown instanceof RegistryError ? thrown : registryErrors.internal({ cause: thrown });
    const { error, headers } = this.#accessErrorReply(exchange, known);
    exchange.failure = error;
    if (thrown !== known)
      logger.error({ err: thrown, requestId }, 'a request failed with an unexpected error');
    else if (error.status >= 500) logger.debug({ err: error, requestId }, 'a request could not be answered');
    return exchange.reply(errorReply(error, [...errorHeaders, ...headers]));
  }
}

function notAllowed(): never {
  throw registryErrors.unsupported();
}

function commonHeaders(configured: DispatcherDeps['headers']): CommonHeaders {
  const plain = Object.entries(configured).flatMap(([name, values]) => {
    validateHeaderName(name);
    return values.flatMap((value) => {
      validateHeaderValue(name, value);
      return [name, value];
    });
  });
  return { plain, api: ['Docker-Distribution-Api-Version', 'registry/2.0', ...plain] };
}
