/** The proxies through which an upstream is asked. Their URLs may hold credentials: not to be logged. */
export interface ProxySettings {
  /** For `http:` requests; undefined asks directly. */
  readonly http: URL | undefined;
  /** For `https:` requests; undefined asks directly. */
  readonly https: URL | undefined;
  /** Hosts that are asked directly, as curl and Go write `NO_PROXY`. */
  readonly noProxy: string;
  /** Whether this machine's own addresses are asked through them too; those of the environment are for others only. */
  readonly forLoopback: boolean;
}
