import type { ParseContext } from '../parse-context.ts';
import type { Environment } from './environment.ts';
import type { Service } from './service.ts';

interface ActiveServicesDeps {
  readonly context: ParseContext;
  readonly environment: Environment;
  readonly services: ReadonlyMap<string, Service>;
  readonly jobs: ReadonlyMap<string, Service>;
  /** Services that are meant; none: all. */
  readonly wanted: readonly string[];
}

/**
 * The services and jobs that their profiles enable. If some are meant: those, and the services that they
 * need.
 */
export function activeServices(deps: ActiveServicesDeps): ReadonlySet<Service> {
  const { context, environment, services, jobs, wanted } = deps;
  const given = (environment.text('COMPOSE_PROFILES') ?? '').split(',').map((one) => one.trim());
  const profiles = new Set(context.profiles.length > 0 ? context.profiles : given);
  const meant = wanted.flatMap((name) => services.get(name) ?? []);
  // A service that is meant enables its own profiles.
  for (const service of meant) {
    if (!isEnabled(service, profiles)) for (const profile of service.profiles) profiles.add(profile);
  }
  const enabled = new Set(
    [...services.values(), ...jobs.values()].filter((service) => isEnabled(service, profiles)),
  );
  if (wanted.length === 0) return enabled;
  const needed = new Set(meant);
  // A set is iterated to its end, what is added meanwhile included.
  for (const service of needed) {
    for (const { name } of service.dependencies) {
      const other = services.get(name);
      if (other !== undefined && enabled.has(other)) needed.add(other);
    }
  }
  return needed;
}

function isEnabled({ profiles }: Service, active: ReadonlySet<string>): boolean {
  return profiles.length === 0 || active.has('*') || profiles.some((one) => active.has(one));
}
