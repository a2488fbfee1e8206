import Docker from 'dockerode';

/**
 * A client of the engine at this socket and no other: dockerode would let DOCKER_HOST and its kin in the environment win
 * over the path it is given.
 */
export const engineClient = (socketPath: string): Docker => {
  const ignoreEnvironment = { host: undefined, port: undefined, protocol: undefined, timeout: undefined };
  return new Docker({ socketPath, ...ignoreEnvironment } as unknown as Docker.DockerOptions);
};
