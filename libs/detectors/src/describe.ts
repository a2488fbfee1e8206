import { displayableLine } from '@crucible/events';
import type { EvidencePoint } from '@crucible/events';
import type { TypedEvent } from './typed-event.ts';

export const EXCERPT_CHARS_MAX = 300;
const FIELD_CHARS_MAX = 120;

const result = (errno: string): string => (errno === '' ? 'granted' : errno);
const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** An event in words. They quote the guest: to be made displayable. `from`: where in an output's text to begin. */
const inWords = (event: TypedEvent, from: number): string => {
  switch (event.kind) {
    case 'kernel.open':
      return `open ${event.path}${event.write ? ' for writing' : ''}: ${result(event.errno)}`;
    case 'kernel.exec':
      return `execute ${event.path} ${event.command}`;
    case 'kernel.image':
      return `runs ${event.path} ${event.command}`;
    case 'kernel.spawn':
      return `${event.thread ? 'thread' : 'process'} ${event.child} of process ${event.pid} (${event.process})`;
    case 'kernel.spawned':
      return `${event.name}${event.namespaces.length > 0 ? ` with new ${event.namespaces.join(', ')}` : ''}: ${result(event.errno)}`;
    case 'kernel.exit':
      return `process ${event.pid} (${event.process}) ended with status ${event.status}`;
    case 'kernel.socket':
      return `socket ${event.family} ${event.type} ${event.protocol}: ${result(event.errno)}`;
    case 'kernel.connect':
    case 'kernel.bind':
      return `${event.kind.slice(7)} ${event.address}: ${result(event.errno)}`;
    case 'kernel.call':
      return `${event.name}(${event.args.join(', ')}) by ${event.process}`;
    case 'kernel.opaque':
      return `${event.name} of something not told: ${result(event.errno)}`;
    case 'kernel.concealed':
      return `${event.name} of something concealed`;
    case 'output':
      return event.text.slice(from, from + EXCERPT_CHARS_MAX * 2);
    case 'usage':
      return `cpu ${event.cpuCores.toFixed(2)} cores, memory ${percent(event.memoryShare)}, ${event.tasks} tasks, disk ${percent(event.diskShare)}`;
    case 'canary':
      return `${event.own ? 'own' : 'foreign'} canary ${event.name} ${event.how}`;
    case 'end':
      return `ended by ${event.reason} after ${event.durationMs} ms`;
  }
};

/** The event as a point of evidence. */
export const pointOf = (event: TypedEvent, from = 0): EvidencePoint => ({
  ...event.place,
  ...(event.kind === 'output' && event.place.offset !== null
    ? { offset: event.place.offset + Buffer.byteLength(event.text.slice(0, from)) }
    : {}),
  at: Math.max(0, event.at),
  excerpt: displayableLine(inWords(event, from), EXCERPT_CHARS_MAX),
});

const PLACE = /\{(\w+)\}/g;

/** Fields that a summary's template names. */
export const placesOf = (template: string): string[] => [...template.matchAll(PLACE)].map(([, name]) => name ?? '');

/** The event by a rule's own words, or by the excerpt where it has none. */
export const summaryOf = (template: string | null, event: TypedEvent, from = 0): string => {
  if (template === null) return pointOf(event, from).excerpt;
  const fields = event as unknown as Readonly<Record<string, unknown>>;
  const filled = template.replace(PLACE, (_place, name: string) => {
    const value = fields[name];
    if (name === 'errno' && value === '') return 'granted';
    if (name === 'text') return displayableLine(String(value).slice(from), FIELD_CHARS_MAX);
    return displayableLine(Array.isArray(value) ? value.join(', ') : String(value), FIELD_CHARS_MAX);
  });
  return displayableLine(filled, EXCERPT_CHARS_MAX);
};
