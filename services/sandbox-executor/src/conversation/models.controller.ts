import type { ModelBroker } from '@crucible/models';
import { Controller, Get, Inject } from '@nestjs/common';

export const MODEL_BROKER = Symbol('model-broker');

/** How many calls the providers of this executor's models take at once, as it stands: told on the port of its health. */
@Controller()
export class ModelsController {
  constructor(@Inject(MODEL_BROKER) private readonly broker: Pick<ModelBroker, 'limits'>) {}

  @Get('models')
  models() {
    // Neither addresses nor where keys are: whoever may ask for the first has no business with the others.
    return {
      accounts: this.broker
        .limits()
        .map(({ provider, models, effective, concurrencyMax, inFlight, waiting, pausedMs }) => ({
          provider,
          models,
          effective,
          concurrencyMax,
          inFlight,
          waiting,
          pausedMs,
        })),
    };
  }
}
