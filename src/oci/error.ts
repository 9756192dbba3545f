/**
 * Errors as a registry's clients hear them.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
 */
export type ErrorCode =
  | 'BLOB_UNKNOWN'
  | 'DENIED'
  | 'DIGEST_INVALID'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'PAGINATION_NUMBER_INVALID'
  | 'RANGE_INVALID'
  | 'TOOMANYREQUESTS'
  | 'UNAUTHORIZED'
  | 'UNAVAILABLE'
  | 'UNKNOWN'
  | 'UNSUPPORTED';

export interface RegistryErrorOptions extends ErrorOptions {
  /** Machine-readable, shown to the client: nothing secret. */
  readonly detail?: unknown;
  /** Seconds after which asking again makes sense; becomes `Retry-After`. */
  readonly retryAfter?: number | undefined;
  /** A 404 for what this reader may not see or what does not exist; with a challenge where clients log in. */
  readonly hidden?: boolean | undefined;
  /**
   * The canonical name of the repository that a 401 or {@link hidden} is about, for the challenge's scope.
   */
  readonly repository?: string | undefined;
}

/** The error that crosses from `mirror/` to `http/`: an OCI code, an HTTP status, a message for people. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly code: ErrorCode;
  readonly status: number;
  readonly detail: unknown;
  readonly retryAfter: number | undefined;
  readonly hidden: boolean;
  readonly repository: string | undefined;

  constructor(code: ErrorCode, status: number, message: string, options: RegistryErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.status = status;
    this.detail = options.detail;
    this.retryAfter = options.retryAfter;
    this.hidden = options.hidden ?? false;
    this.repository = options.repository;
  }

  /** The body: `{"errors":[{code,message,detail}]}`; without a detail there is no key, as in registry:2. */
  body(): string {
    return JSON.stringify({ errors: [{ code: this.code, message: this.message, detail: this.detail }] });
  }
}

export const registryErrors = {
  blobUnknown: (digest: string, options?: RegistryErrorOptions) =>
    new RegistryError('BLOB_UNKNOWN', 404, 'blob unknown to registry', { ...options, detail: { digest } }),
  manifestUnknown: (reference: string, message = 'manifest unknown', options?: RegistryErrorOptions) =>
    new RegistryError('MANIFEST_UNKNOWN', 404, message, { ...options, detail: { reference } }),
  nameUnknown: (
    name: string,
    message = 'repository name not known to registry',
    options?: RegistryErrorOptions,
  ) => new RegistryError('NAME_UNKNOWN', 404, message, { ...options, detail: { name } }),
  nameInvalid: (name: string) =>
    new RegistryError('NAME_INVALID', 400, 'invalid repository name', { detail: { name } }),
  digestInvalid: (digest: string) =>
    new RegistryError('DIGEST_INVALID', 400, 'provided digest did not match uploaded content', {
      detail: { digest },
    }),
  paginationInvalid: (n: string) =>
    new RegistryError('PAGINATION_NUMBER_INVALID', 400, 'invalid number of results requested', {
      detail: { n },
    }),
  unsupported: (message = 'The operation is unsupported.') => new RegistryError('UNSUPPORTED', 405, message),
  manifestInvalid: (reason: string) =>
    new RegistryError('MANIFEST_INVALID', 400, 'manifest invalid', { detail: { reason } }),
  rangeInvalid: (size: number) =>
    new RegistryError('RANGE_INVALID', 416, 'requested range not satisfiable', { detail: { size } }),
  /** Upstream's answer was invalid, or its content did not match the digest: 502. */
  badGateway: (message: string, options?: RegistryErrorOptions) =>
    new RegistryError('UNKNOWN', 502, message, options),
  unavailable: (message: string, options?: RegistryErrorOptions) =>
    new RegistryError('UNAVAILABLE', 503, message, options),
  gatewayTimeout: (message: string, options?: RegistryErrorOptions) =>
    new RegistryError('UNAVAILABLE', 504, message, options),
  tooManyRequests: (message: string, options?: RegistryErrorOptions) =>
    new RegistryError('TOOMANYREQUESTS', 429, message, options),
  /** For where a login to this mirror may help: it is sent with a challenge. */
  unauthorized: (message: string, options?: RegistryErrorOptions) =>
    new RegistryError('UNAUTHORIZED', 401, message, options),
  /** Of registry:2's message, "authentication required", skopeo and podman print the code only. */
  loginRequired: (options?: RegistryErrorOptions) =>
    new RegistryError('UNAUTHORIZED', 401, 'authentication required: log in to this mirror', options),
  denied: (message: string, options?: RegistryErrorOptions) =>
    new RegistryError('DENIED', 403, message, options),
  loop: (message: string) => new RegistryError('UNKNOWN', 508, message),
  internal: (options?: ErrorOptions) => new RegistryError('UNKNOWN', 500, 'internal error', options),
} as const;
