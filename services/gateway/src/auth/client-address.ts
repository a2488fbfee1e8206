import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';

const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;
const ADDRESS_CHARS_MAX = 100;

const plain = (address: string): string => MAPPED_IPV4.exec(address)?.[1] ?? address;

/**
 * Where a request came from: the socket's address, or, where that is a proxy of ours (CRUCIBLE_TRUSTED_PROXIES), what the
 * last proxy of ours wrote down in X-Forwarded-For. What a stranger writes there counts for nothing, and what is no address
 * is never one: the proxy's own stands for it then.
 */
export const clientAddressOf = (request: FastifyRequest): string => {
  const seen = [request.ip, request.socket.remoteAddress ?? ''];
  const address = seen.find((each) => isIP(each) !== 0 && each.length <= ADDRESS_CHARS_MAX);
  return address === undefined ? 'unknown' : plain(address);
};

/** An address, or a network as `10.0.0.0/8`. */
export const isProxyName = (text: string): boolean => {
  const [address = '', prefix, ...more] = text.split('/');
  const version = isIP(address);
  if (version === 0 || more.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128));
};
