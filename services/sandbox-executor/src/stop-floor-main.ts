import { z } from 'zod';
import { runStopFloor } from './stopping/floor.ts';

/** `stop-floor-main.ts '{"socket","runtime","image","sandboxes","memoryBytesMax"}'`: prints `{"directMs","engineMs"}`. */
const schema = z.object({
  socket: z.string().min(1),
  runtime: z.string().min(1),
  image: z.string().min(1),
  sandboxes: z.int().min(1).max(256),
  memoryBytesMax: z.int().min(1),
});

const options = schema.parse(JSON.parse(process.argv[2] ?? ''));
process.stdout.write(`${JSON.stringify(await runStopFloor(options))}\n`);
process.exit(0);
