import { suiteFileSchema } from '@crucible/suite';
import { z } from 'zod';

/**
 * The suite format as JSON Schema 2020-12, for editors: completion, descriptions, and mistakes while typing. It says less
 * than the loader, which also knows what only a whole suite can tell.
 */
export const suiteJsonSchema = (): object => {
  const schema = z.toJSONSchema(suiteFileSchema, { target: 'draft-2020-12', io: 'input' });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'urn:crucible:schema:suite:v1',
    title: 'Crucible suite, v1',
    description:
      'A dataset of samples with the sandbox they run in, how they are scored and their limits. See docs/suites.md.',
    ...schema,
  };
};
