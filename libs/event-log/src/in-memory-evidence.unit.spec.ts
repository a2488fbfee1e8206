import { describeEvidence } from './evidence.contract.ts';
import { InMemoryEvidence } from './in-memory-evidence.ts';

describeEvidence('in memory', () => Promise.resolve(new InMemoryEvidence()));
