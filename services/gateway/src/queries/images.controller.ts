import type { ImageList } from '@crucible/api';
import { ReadModel } from '@crucible/read-model';
import { Controller, Get, Inject } from '@nestjs/common';

/** Which sandbox images there are, as executors told. */
@Controller('api/v1/images')
export class ImagesController {
  constructor(@Inject(ReadModel) private readonly readModel: ReadModel) {}

  @Get()
  images(): Promise<ImageList> {
    return this.readModel.images();
  }
}
