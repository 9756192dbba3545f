import { openSyncSource, type OpenSyncSource } from '../../assembly/sync-source.ts';
import type { Config } from '../../config/config.ts';
import { FileProblem, readText } from '../../config/files.ts';
import { loadConfig } from '../../config/load.ts';
import { parseRegistryUrl, type RegistryUrl } from '../../config/registry-url.ts';
import { syncImages, type SyncedImage } from '../../mirror/sync/sync.ts';
import type { ImageReference } from '../../oci/image-reference.ts';
import { createLogger } from '../../telemetry/log.ts';
import { addressKind } from '../../upstream/address-kind.ts';
import type { CredentialSource } from '../../upstream/credentials/credential-source.ts';
import { UpstreamError } from '../../upstream/registry.ts';
import type { CommandContext } from '../command-context.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import { exclusion, ExclusionError } from '../image-exclusion.ts';
import type { ImageSelectionOptions } from '../image-selection.ts';
import { tellImages } from '../progress/tell-images.ts';
import { selectImages, type SelectionSources } from '../select-images.ts';
import { withServices, type JsonOptions } from '../with-services.ts';
import { LoginError, loginOf, type LoginOptions } from './source-login.ts';

export interface SyncOptions extends ImageSelectionOptions, JsonOptions, LoginOptions {
  readonly ca?: string;
  readonly insecure?: boolean;
  readonly path?: string;
  readonly pin?: boolean;
}

type Sources = Omit<SelectionSources, 'terminal'>;

const maxCaBytes = 1024 * 1024;

/** A mistake in the command line; the message is for people. */
class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Brings images from another registry: those that are named, or all that another Entrepot has. */
export async function sync(
  url: string,
  names: readonly string[],
  options: SyncOptions,
  context: CommandContext,
  sources: Sources,
): Promise<ExitCode> {
  const { terminal } = context;
  try {
    const at = registryAt(url);
    const login = await loginFor(at, options, sources);
    const { config } = loadConfig({ file: options.config });
    const isNamed = names.length > 0 || (options.file ?? []).length > 0;
    const named = isNamed ? await namedImages(names, options, { terminal, ...sources }) : undefined;
    if (isNamed && named === undefined) return exitCode.usage;
    const isExcluded = exclusion(options.exclude ?? []);
    const settings = { ...at, config, login, ca: caOf(options), options };
    return await withServices(options, context, 'make', async ({ transfer }) => {
      await using opened = await openSource(settings, context);
      const images = named ?? allImages(opened, options, isExcluded);
      requireAnswerable(opened, named, url);
      const source = named === undefined ? opened.cachedOnly : opened.source;
      const events = syncImages(images, {
        source,
        sink: transfer.sink,
        mirrored: new Set(config.upstreams.map(({ name }) => name)),
        clock: context.clock,
        random: Math.random,
        signal: context.interrupted,
      });
      try {
        return await tellImages(events, options.json ?? false, context);
      } finally {
        if (context.interrupted.aborted)
          terminal.err('entrepot: what has come stays: the same command goes on from there\n');
      }
    });
  } catch (error) {
    const isUsage = [UsageError, LoginError, ExclusionError].some((kind) => error instanceof kind);
    if (!isUsage && !(error instanceof UpstreamError)) throw error;
    terminal.err(`entrepot: ${error instanceof Error ? error.message : ''}\n`);
    return isUsage ? exitCode.usage : exitCode.failure;
  }
}

function registryAt(url: string): RegistryUrl {
  const at = parseRegistryUrl(url);
  if ('problem' in at) throw new UsageError(`${url}: ${at.problem}`);
  return at;
}

/** A password over plain HTTP is for everybody in between. */
async function loginFor(
  { url }: RegistryUrl,
  options: SyncOptions,
  { stdin, environment }: Sources,
): Promise<CredentialSource | undefined> {
  if (options.passwordStdin === true && options.file?.includes('-') === true)
    throw new UsageError('the standard input has either the password or the images');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isPlain = url.protocol === 'http:' && host !== 'localhost' && addressKind(host) !== 'loopback';
  const login = await loginOf(options, stdin, environment);
  if (!isPlain || options.insecure === true) return login;
  if (login.kind !== 'static') return undefined;
  throw new UsageError(`the password would go to ${url.origin} unencrypted; --insecure allows that`);
}

function caOf({ ca }: SyncOptions): string | undefined {
  try {
    return ca === undefined ? undefined : readText(ca, maxCaBytes);
  } catch (error) {
    if (error instanceof FileProblem) throw new UsageError(`--ca ${ca ?? ''} ${error.message}`);
    throw error;
  }
}

async function namedImages(
  names: readonly string[],
  options: SyncOptions,
  sources: SelectionSources,
): Promise<readonly SyncedImage[] | undefined> {
  const { images, isSound } = await selectImages(names, options, sources);
  if (!isSound) return undefined;
  const { pin = false } = options;
  return images.map(({ reference, platforms }) => ({
    reference,
    platforms,
    asFarAsThere: false,
    isPartial: false,
    pin,
    checkedAt: undefined,
  }));
}

async function* allImages(
  opened: OpenSyncSource,
  { platform = 'all', pin = false }: SyncOptions,
  isExcluded: (reference: ImageReference) => boolean,
): AsyncGenerator<SyncedImage> {
  for await (const image of opened.images()) {
    const { upstream, repository, digest, complete, pinned, checkedAt } = image;
    const tag = image.tag ?? undefined;
    const reference = { registry: upstream, repository, tag, digest: tag === undefined ? digest : undefined };
    if (isExcluded(reference)) continue;
    yield {
      reference,
      platforms: platform,
      asFarAsThere: true,
      isPartial: !complete,
      pin: pin || pinned,
      checkedAt: checkedAt ?? 0,
    };
  }
}

interface SourceSettings extends RegistryUrl {
  readonly config: Config;
  readonly login: CredentialSource | undefined;
  readonly ca: string | undefined;
  readonly options: SyncOptions;
}

function openSource(
  { name, url, config, login, ca, options }: SourceSettings,
  { terminal, clock, interrupted }: CommandContext,
): Promise<OpenSyncSource> {
  const { timeouts, systemStores } = config;
  const { insecure = false, path } = options;
  const logger = createLogger(
    { level: 'warn', formatter: 'text', fields: {} },
    { write: (line) => terminal.err(line) },
  );
  return openSyncSource(
    { name, url, credentials: login, ca, insecure, path, timeouts, systemStores },
    { clock, logger, random: Math.random, signal: interrupted },
  );
}

/** @throws {UsageError | UpstreamError} where some images cannot be asked for there */
function requireAnswerable(
  { isEntrepot, refusal, source }: OpenSyncSource,
  named: readonly SyncedImage[] | undefined,
  url: string,
): void {
  if (isEntrepot) return;
  const strange = named?.find(
    ({ reference: { registry, repository } }) =>
      source.at({ upstream: registry, name: repository }) === undefined,
  );
  if (named !== undefined && strange === undefined) return;
  if (refusal !== undefined) throw refusal;
  if (strange === undefined)
    throw new UsageError(
      `${url} is no Entrepot that lists its images: name images, or files that do with -f`,
    );
  const { registry } = strange.reference;
  throw new UsageError(
    `${url} is no Entrepot: say where it has images of ${registry}, such as --path '{registry}/{repository}'`,
  );
}
