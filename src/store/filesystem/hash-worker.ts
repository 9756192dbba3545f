import { parentPort } from 'node:worker_threads';
import { FileHasher, type HashRequest } from './file-hasher.ts';

/** The other thread of {@link HashThread}. */
const hasher = new FileHasher((answer) => parentPort?.postMessage(answer));
parentPort?.on('message', (request: HashRequest) => hasher.receive(request));
