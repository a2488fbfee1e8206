import type { ZodOpenApiPathsObject } from 'zod-openapi';
import { modelListSchema } from './model-contract.ts';
import { json, operation } from './openapi-parts.ts';

export const modelPaths: ZodOpenApiPathsObject = {
  '/api/v1/models': {
    get: operation('platform', 'listModels', 'The models that can be evaluated', {
      description:
        'Those that an executor which is up has told of, by the names that suites and submissions use. Prices are US dollars for a million tokens. Keys and addresses never leave the executors.',
      responses: { 200: json('Every model.', modelListSchema) },
    }),
  },
};
