export { CommandFeed } from './command-feed.ts';
export { Ledger } from './ledger.ts';
export { MODEL_BROKER, ModelsController } from './models.controller.ts';
export { openBroker } from './open-broker.ts';
export { openConversations } from './open-conversations.ts';
export { openPolicies } from './open-policies.ts';
