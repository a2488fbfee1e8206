import { problemLine } from '@crucible/suite/load';
import type { SuiteList } from '@crucible/api';
import type { Suite } from '@crucible/suite';
import { Controller, Get, Inject, NotFoundException, Param } from '@nestjs/common';
import { problem, ProblemException } from '../problem.ts';
import { SuiteShelf } from './suite-shelf.ts';

@Controller('api/v1/suites')
export class SuitesController {
  constructor(@Inject(SuiteShelf) private readonly shelf: SuiteShelf) {}

  @Get()
  async list(): Promise<SuiteList> {
    return { items: await this.shelf.list() };
  }

  @Get(':name')
  async show(@Param('name') name: string): Promise<Suite> {
    const loaded = await this.shelf.load(name);
    if (loaded === undefined) throw new NotFoundException(`There is no suite "${name.slice(0, 64)}" on this platform.`);
    if (!loaded.ok)
      throw new ProblemException(problem(422, 'invalid-suite', loaded.problems.map(problemLine).join('\n')));
    return loaded.suite;
  }
}
