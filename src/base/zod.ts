import { z } from 'zod';

// It would compile each schema, by `new Function`, when that is first used: longer than a start's few hundred values take without.
z.config({ jitless: true });

export { z };
