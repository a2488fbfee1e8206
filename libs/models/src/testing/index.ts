export { refuse, say } from './wire-reply.ts';
export type {
  DroppedReply,
  ModelReply,
  RawReply,
  SilentReply,
  WirePace,
  WireReply,
  WireToolCall,
  WireUsage,
} from './wire-reply.ts';
export { WireServer } from './wire-server.ts';
export type { WireFormat, WireRequest, WireScript } from './wire-server.ts';
export { bashSpec, plainParameters, wireBroker, wireEntry, wireKey, wireProviders } from './wire-broker.ts';
export type { WireModel, WireProvider } from './wire-broker.ts';
