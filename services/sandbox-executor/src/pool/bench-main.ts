import { z } from 'zod';
import { PoolBencher } from './bench.ts';
import type { PoolBenchOptions } from './bench.ts';

/** `bench-main.ts '{"socket","runtime",...}'`: prints the result as one line of JSON. Exit code 2 for bad options. */
const schema = z.object({
  socket: z.string().min(1),
  runtime: z.string().min(1),
  traceSocket: z.string().min(1).optional(),
  image: z.string().min(1),
  trials: z.int().min(1).max(100_000),
  concurrency: z.int().min(1).max(256),
  idleMax: z.int().min(0).max(256),
  full: z.boolean(),
  argv: z.array(z.string()).min(1).optional(),
});

const optionsFrom = (text: string | undefined): PoolBenchOptions | null => {
  try {
    const { traceSocket, argv, ...rest } = schema.parse(JSON.parse(text ?? ''));
    return { ...rest, ...(traceSocket === undefined ? {} : { traceSocket }), ...(argv === undefined ? {} : { argv }) };
  } catch (error) {
    console.error(`options must be one JSON argument: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
};

const options = optionsFrom(process.argv[2]);
if (options === null) process.exitCode = 2;
else console.log(JSON.stringify(await new PoolBencher(options).run()));
