import { z } from 'zod';
import { TraceBencher } from './bench.ts';
import type { TraceBenchOptions } from './bench.ts';

/** `bench-main.ts '{"socket","traceSocket",...}'`: notes on standard error, the result as one line of JSON. Exit code 2 for bad options. */
const schema = z.object({
  socket: z.string().min(1),
  traceSocket: z.string().min(1),
  runtime: z.string().min(1),
  unwatchedRuntime: z.string().min(1),
  image: z.string().min(1),
  rounds: z.int().min(1).max(100),
  seconds: z.number().positive().max(600),
  guests: z.array(z.int().min(1).max(64)),
});

const optionsFrom = (text: string | undefined): TraceBenchOptions | null => {
  try {
    return schema.parse(JSON.parse(text ?? ''));
  } catch (error) {
    console.error(`options must be one JSON argument: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
};

const options = optionsFrom(process.argv[2]);
if (options === null) process.exitCode = 2;
else console.log(JSON.stringify(await new TraceBencher(options).run((line) => console.error(line))));
