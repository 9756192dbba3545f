/** The proxies through which an upstream is asked. Their URLs may hold credentials: not to be logged. */
export interface ProxySettings {
  /** For `http:` requests; undefined asks directly. */
  readonly http: URL | undefined;
  /** For `https:` requests; undefined asks directly. */
  readonly https: URL | undefined;
  /** Hosts that are asked directly, as curl and Go write `NO_PROXY`. */
  readonly noProxy: string;
  /** Whether loopback addresses are asked through them, too; never through those of the environment. */
  readonly forLoopback: boolean;
}
