export { freePort, TestNatsServer } from './nats-server.ts';
export { TcpProxy } from './tcp-proxy.ts';
