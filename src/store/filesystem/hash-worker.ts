import { serveCalls } from '../../base/worker-thread.ts';
import { FileHasher, type HashJob, type HashOutcome } from './file-hasher.ts';

/** The other thread of {@link HashThread}. */
const hasher = new FileHasher();
serveCalls((job: HashJob, call): Promise<HashOutcome> => hasher.hash(job, call));
