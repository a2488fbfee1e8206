import type { Config } from '../config.ts';
import { EXECUTOR_LABEL } from '../sandbox/engine.ts';
import { DockerLeftovers } from './engine-leftovers.ts';
import { Reaper } from './reaper.ts';
import type { ReaperPorts } from './reaper.ts';

/** Made before the trace socket is listened on: it notes what an earlier life left there. */
export const openReaper = (config: Config, ports: Omit<ReaperPorts, 'engine'>): Reaper =>
  new Reaper(
    {
      ...ports,
      engine: new DockerLeftovers(config.CRUCIBLE_DOCKER_SOCKET, [EXECUTOR_LABEL, config.CRUCIBLE_EXECUTOR_ID]),
    },
    { traceSocket: config.CRUCIBLE_TRACE_SOCKET, engineRoot: config.CRUCIBLE_ENGINE_ROOT },
  );
