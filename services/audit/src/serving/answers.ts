import type { ServerResponse } from 'node:http';

/** An answer that is no success: an RFC 9457 problem. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly kind: string;

  constructor(status: number, kind: string, detail: string) {
    super(detail);
    this.status = status;
    this.kind = kind;
  }
}

export const sendRefusal = (response: ServerResponse, { status, kind, message }: Refusal): void => {
  const body = JSON.stringify({
    type: `urn:crucible:problem:${kind}`,
    title: kind.replaceAll('-', ' '),
    status,
    detail: message,
  });
  send(response, status, 'application/problem+json', body);
};

export const send = (
  response: ServerResponse,
  status: number,
  type: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): void => {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(body);
};
