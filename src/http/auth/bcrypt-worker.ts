import { compareSync } from 'bcryptjs';
import { serveCalls } from '../../base/worker-thread.ts';
import type { BcryptQuestion } from './bcrypt.ts';

/** The other thread of {@link Bcrypt}: one comparison after the other. */
serveCalls(({ password, hash }: BcryptQuestion): boolean => compareSync(password, hash));
