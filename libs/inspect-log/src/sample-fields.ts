import { isProgramInput, messagesOf } from '@crucible/suite';
import type { Suite, SuiteSample } from '@crucible/suite';
import { messageIn } from './messages.ts';
import { sampleIdIn } from './sample-name.ts';
import type { ChatMessage, Fields } from './shapes.ts';

/** A sample as Inspect describes one, before it is tried. */
export interface SampleFields {
  readonly id: string;
  readonly input: string | readonly ChatMessage[];
  readonly choices?: readonly string[];
  readonly target: string | readonly string[];
  /** Names of the files that go along with it. */
  readonly files?: readonly string[];
  readonly metadata: Fields;
  /** Messages that its conversation begins with, as the subject is shown them. */
  readonly initial: readonly ChatMessage[];
}

const inputIn = ({ input }: SuiteSample, id: string): SampleFields['input'] => {
  if (typeof input === 'string') return input;
  if (isProgramInput(input)) return input.source;
  return input.messages.map(({ role, content }, at) => ({ id: `${id}-input-${at}`, role, content, source: 'input' }));
};

const metadataIn = ({ id, metadata, input, expectation }: SuiteSample, idInLog: string): Fields => ({
  ...metadata,
  ...(idInLog === id ? {} : { crucible_sample_id: id }),
  ...(isProgramInput(input) ? { crucible_language: input.language } : {}),
  ...(expectation === undefined ? {} : { crucible_expectation: expectation as Fields }),
});

export const sampleFields = (sample: SuiteSample, { solver }: Pick<Suite, 'solver'>): SampleFields => {
  const id = sampleIdIn(sample.id);
  const system = 'system' in solver ? solver.system : undefined;
  const said = isProgramInput(sample.input) ? [] : messagesOf(sample, system);
  return {
    id,
    input: inputIn(sample, id),
    ...(sample.choices === undefined ? {} : { choices: sample.choices }),
    target: sample.target ?? '',
    ...(sample.files === undefined ? {} : { files: Object.keys(sample.files) }),
    metadata: metadataIn(sample, id),
    initial: said.map((message, at) => messageIn(message, { id: `${id}-begin-${at}`, source: 'input' })),
  };
};
