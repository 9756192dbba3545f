import { z } from 'zod';

// Compiling each schema by `new Function` takes longer than validating a start's few hundred values.
z.config({ jitless: true });

export { z };
