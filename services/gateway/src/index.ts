export { GatewayModule } from './gateway.module.ts';
