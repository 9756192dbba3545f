import type { Clock } from '../base/clock.ts';
import type { Hops } from '../base/hops.ts';
import type { Mirror } from '../mirror/mirror.ts';
import type { UpstreamName } from '../oci/reference.ts';
import type { Logger } from '../telemetry/log.ts';
import { createHttpApp, type AppSettings } from './app.ts';
import { createAuthentication, type AuthenticationSettings } from './auth/create-authentication.ts';
import { Listeners, type Listener } from './listeners.ts';
import type { ListenAddress } from './server.ts';
import type { TlsFiles } from './tls.ts';

export interface HttpSettings extends AppSettings {
  readonly addr: ListenAddress;
  /** An address without logins beside it, for what anonymous readers may have; undefined for none. */
  readonly publicAddr: ListenAddress | undefined;
  /** Listen addresses that are bound to one upstream each. */
  readonly bound: readonly { readonly addr: ListenAddress; readonly upstream: UpstreamName }[];
  /** For all addresses; undefined for plain HTTP. */
  readonly tls: TlsFiles | undefined;
  readonly draintimeoutMs: number;
  readonly authentication: AuthenticationSettings;
}

interface HttpDeps {
  readonly mirror: Mirror;
  /** Of the mirror's upstreams. */
  readonly hops: Hops;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface BoundAddress {
  readonly upstream: UpstreamName;
  readonly address: string;
}

/** Disposing of it lets requests under way end within `draintimeoutMs`, then cuts them. */
interface RunningHttp extends AsyncDisposable {
  /** What it listens on for all upstreams, such as `http://127.0.0.1:5000`. */
  readonly address: string;
  /** The same for what anonymous readers may have, if there is such an address. */
  readonly publicAddress: string | undefined;
  readonly bound: readonly BoundAddress[];
  /**
   * Reads certificates and the password file again. Never rejects: the old ones stay if the new are unusable.
   */
  reload(): Promise<void>;
}

/**
 * Builds the inside of `http/` and listens. Rejects with AuthFileError, with TlsError or OpenSSL's error for
 * unusable certificates, and with ListenError for an address that cannot be listened on.
 */
export async function composeHttp(settings: HttpSettings, deps: HttpDeps): Promise<RunningHttp> {
  const { addr, publicAddr, bound } = settings;
  await using closing = new AsyncDisposableStack();
  const authentication = closing.use(await createAuthentication(settings.authentication, deps));
  const { authenticator } = authentication;
  const hasLogins = authenticator !== undefined;
  const app = createHttpApp({ ...settings, ...deps, logins: authenticator });
  const listeners: Listener[] = [{ app, hasLogins, addr, key: 'http.addr' }];
  for (const { addr, upstream } of bound) {
    listeners.push({ app, hasLogins, addr, upstream, key: `upstreams.${upstream}.listen` });
  }
  if (publicAddr !== undefined) {
    const publicApp = createHttpApp({ ...settings, ...deps, logins: hasLogins ? 'elsewhere' : undefined });
    listeners.push({ app: publicApp, hasLogins: false, addr: publicAddr, key: 'http.public.addr' });
  }
  const servers = closing.use(new Listeners({ ...deps, ...settings }));
  const [address = '', ...others] = await servers.listen(listeners);
  const opened = closing.move();
  return {
    address,
    publicAddress: others[bound.length],
    bound: bound.map(({ upstream }, index) => ({ upstream, address: others[index] ?? '' })),
    reload: async () => {
      await authentication.reload();
      await servers.renewTls();
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
