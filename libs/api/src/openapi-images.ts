import type { ZodOpenApiPathsObject } from 'zod-openapi';
import { imageListSchema } from './image-contract.ts';
import { json, operation } from './openapi-parts.ts';

export const imagePaths: ZodOpenApiPathsObject = {
  '/api/v1/images': {
    get: operation('platform', 'listImages', 'The images that sandboxes can be made from', {
      description:
        'Those that an executor which is up has told of, by the names that suites use (sandbox.image). An image that executors have in different versions is listed once for each digest.',
      responses: { 200: json('Every image.', imageListSchema) },
    }),
  },
};
