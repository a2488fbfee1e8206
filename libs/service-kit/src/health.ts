import { Controller, Get, HttpCode, Inject, ServiceUnavailableException } from '@nestjs/common';

const CHECK_MS_MAX = 2_000;

type Check = () => string | null | Promise<string | null>;

/** Named conditions that must hold before a service is of use. Each answers null when well, else says what is wrong. */
export class Health {
  readonly #checks = new Map<string, Check>();

  require(name: string, check: Check): void {
    this.#checks.set(name, check);
  }

  /** Everything that is wrong now, by name. A check that does not answer in two seconds is one of them. */
  async problems(): Promise<Record<string, string>> {
    const answers = await Promise.all(
      [...this.#checks].map(async ([name, check]) => [name, await answerOf(check)] as const),
    );
    return Object.fromEntries(answers.filter((answer): answer is [string, string] => answer[1] !== null));
  }
}

const answerOf = async (check: Check): Promise<string | null> => {
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(() => late.resolve(`no answer in ${CHECK_MS_MAX} ms`), CHECK_MS_MAX);
  try {
    return await Promise.race([Promise.resolve().then(check), late.promise]);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
  }
};

/** `/healthz`: the process answers. `/readyz`: it can do its work; 503 names what it waits for. */
@Controller()
export class HealthController {
  constructor(@Inject(Health) private readonly health: Health) {}

  @Get('healthz')
  @HttpCode(200)
  healthz(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('readyz')
  async readyz(): Promise<{ status: 'ready' }> {
    const problems = await this.health.problems();
    if (Object.keys(problems).length > 0) throw new ServiceUnavailableException({ status: 'not-ready', problems });
    return { status: 'ready' };
  }
}
