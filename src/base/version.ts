import manifest from '../../package.json' with { type: 'json' };

/** Entrepot's version. */
export const version: string = manifest.version;
