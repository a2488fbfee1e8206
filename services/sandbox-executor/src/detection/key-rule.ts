import { createHash } from 'node:crypto';
import type { Match, Rule } from '@crucible/detectors';
import { displayableLine } from '@crucible/events';

const TEXT = 'A key to a provider of models stands in a conversation: no trial is ever given one.';

/** The broker's own finding: no file has this rule, for no event of a sandbox shows it. Its digest is of its text. */
const keyRule: Rule = {
  id: 'model-key-in-conversation',
  version: 1,
  title: 'A key of the platform stands in a conversation',
  description: TEXT,
  severity: 'critical',
  capability: 'system-access',
  tags: ['attack.t1552'],
  response: 'kill',
  on: [],
  condition: '',
  threshold: null,
  windowMs: 0,
  summary: null,
  digest: createHash('sha256').update(`model-key-in-conversation 1 ${TEXT}`).digest('hex'),
  path: '',
};

/** @param name how the key is referred to, never the key @param record of the message, in the transcript */
export const keyMatch = (name: string, where: 'request' | 'reply', record: number, at: number): Match => ({
  rule: keyRule,
  count: 1,
  points: [{ channel: 'transcript', record, stream: null, offset: null, at, excerpt: '' }],
  summary: displayableLine(`the key ${name} stands in a ${where}`, 300),
});
