/** An error as OpenAI's API tells it, which its clients know how to raise. */
export interface Problem {
  readonly status: number;
  readonly type:
    'invalid_request_error' | 'authentication_error' | 'insufficient_quota' | 'rate_limit_error' | 'server_error';
  readonly code: string | null;
  /** The field of the request that is meant, such as `messages[2].content`. */
  readonly param: string | null;
  readonly message: string;
  /** Whether a client is told to try again by itself; left out, its own habit decides. */
  readonly retry?: boolean;
}

const invalid = (status: number, code: string | null, message: string, param: string | null = null): Problem => ({
  status,
  type: 'invalid_request_error',
  code,
  param,
  message,
});

export const unfit = (param: string | null, message: string, code: string): Problem =>
  invalid(400, code, message, param);
export const wrongToken: Problem = {
  status: 401,
  type: 'authentication_error',
  code: 'invalid_api_key',
  param: null,
  message: 'Incorrect API key provided: this endpoint takes the OPENAI_API_KEY of its own trial.',
};
export const noSuchModel = (asked: string, model: string): Problem =>
  invalid(404, 'model_not_found', `The model ${asked} does not exist here: this trial has ${model}.`, 'model');
export const noSuchUrl = (method: string, path: string): Problem =>
  invalid(
    404,
    'unknown_url',
    `Unknown request URL: ${method} ${path}. There are GET /v1/models and POST /v1/chat/completions.`,
  );
export const wrongMethod = (method: string, path: string): Problem =>
  invalid(405, 'method_not_supported', `${path} does not take ${method}.`);
export const tooLarge = (bytesMax: number): Problem =>
  invalid(413, 'request_too_large', `The body is larger than ${bytesMax} bytes.`);
export const encoded = (encoding: string): Problem =>
  invalid(415, 'unsupported_encoding', `A body in ${encoding} is not read here: send it as it is.`);

/** Nothing is left to pay a call from, or to count it in: trying again is in vain. */
export const spent = (message: string): Problem => ({
  status: 429,
  type: 'insufficient_quota',
  code: 'insufficient_quota',
  param: null,
  message,
  retry: false,
});
export const tooMany = (callsMax: number): Problem => ({
  status: 429,
  type: 'rate_limit_error',
  code: 'rate_limit_exceeded',
  param: null,
  message: `${callsMax} calls are under way already: wait for one of them.`,
  retry: true,
});
export const over: Problem = {
  status: 503,
  type: 'server_error',
  code: 'trial_over',
  param: null,
  message: 'The trial is over.',
  retry: false,
};
export const broken: Problem = {
  status: 500,
  type: 'server_error',
  code: null,
  param: null,
  message: 'The endpoint failed.',
};

/** The body of an answer, and what stands in an event of a stream that breaks off. */
export const problemBody = ({ message, type, param, code }: Problem): string =>
  JSON.stringify({ error: { message, type, param, code } });
