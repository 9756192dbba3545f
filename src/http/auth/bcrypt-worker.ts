import { parentPort } from 'node:worker_threads';
import { compareSync } from 'bcryptjs';
import type { BcryptAnswer, BcryptQuestion } from './bcrypt.ts';

/** The other thread of {@link Bcrypt}: one comparison after the other. */
parentPort?.on('message', ({ password, hash }: BcryptQuestion) => {
  const answer: BcryptAnswer = { right: compareSync(password, hash) };
  parentPort?.postMessage(answer);
});
