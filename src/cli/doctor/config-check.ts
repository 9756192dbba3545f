import { ConfigError } from '../../config/config-error.ts';
import type { LoadedConfig } from '../../config/load.ts';
import { ok, problem, warning, type Finding } from './check.ts';

/** Can the configuration be used, and is there anything in it that its author may not have meant? */
export function checkConfiguration(loaded: LoadedConfig | ConfigError): readonly Finding[] {
  if (loaded instanceof ConfigError) {
    const advice =
      'put that right first, docs/configuration.md has every key: nothing else can be checked before';
    return loaded.message
      .split('\n')
      .map((line, index, lines) => problem(line, index === lines.length - 1 ? advice : undefined));
  }
  const { config, warnings } = loaded;
  const names = config.upstreams.map(({ name }) => name).join(', ');
  return [ok(`mirrors ${names}`), ...warnings.map((text) => warning(text))];
}
