import { parentPort } from 'node:worker_threads';
import { digestBlock } from './digest.ts';
import type { Work } from './parallel.ts';

/** A thread of `verifyExportInThreads`: facts for blocks, in the order in which they came. */
parentPort?.on('message', ({ block, breaks }: Work) => {
  const facts = digestBlock(block, breaks);
  const leaves = facts.flatMap((fact) => (fact.kind === 'events' ? [fact.leaves.buffer as ArrayBuffer] : []));
  parentPort?.postMessage(facts, leaves);
});
