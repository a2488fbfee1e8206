import type { ModelList } from '@crucible/api';
import { ReadModel } from '@crucible/read-model';
import { Controller, Get, Inject } from '@nestjs/common';

/** Which models there are, as executors told. */
@Controller('api/v1/models')
export class ModelsController {
  constructor(@Inject(ReadModel) private readonly readModel: ReadModel) {}

  @Get()
  models(): Promise<ModelList> {
    return this.readModel.models();
  }
}
