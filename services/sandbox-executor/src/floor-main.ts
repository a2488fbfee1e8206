import { z } from 'zod';
import { runFloor, type FloorOptions } from './sandbox/floor.ts';

/** `floor-main.ts '{"socket","runtime","image","trials","concurrency"}'`: prints `{"wallMs","runMs":[...]}`. Exit code 2 for bad options. */
const schema = z.object({
  socket: z.string().min(1),
  runtime: z.string().min(1),
  image: z.string().min(1),
  trials: z.int().min(1).max(100_000),
  concurrency: z.int().min(1).max(256),
  argv: z.array(z.string()).min(1).optional(),
});

const optionsFrom = (text: string | undefined): FloorOptions | null => {
  try {
    const parsed = schema.parse(JSON.parse(text ?? ''));
    const { argv, ...rest } = parsed;
    return argv === undefined ? rest : { ...rest, argv };
  } catch (error) {
    console.error(`options must be one JSON argument: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
};

const options = optionsFrom(process.argv[2]);
if (options === null) process.exitCode = 2;
else console.log(JSON.stringify(await runFloor(options)));
