import type Docker from 'dockerode';
import type { ContainerCreateOptions } from 'dockerode';

/** Runs the guest as a child of process 1, as every trial is. */
const INIT = `
import os, sys
guest = os.fork()
if guest == 0:
    os.setsid()
    os.execv('/usr/bin/python3', ['python3', '-c', sys.argv[1]])
_, status = os.waitpid(guest, 0)
os._exit(os.waitstatus_to_exitcode(status) & 255)
`;
const MIB = 1024 * 1024;

/** A container as bare as a measurement wants it, with a trial's isolation and nothing of a trial's protocol. */
export const guestOptions = (image: string, runtime: string, program: string): ContainerCreateOptions => ({
  Image: image,
  Cmd: ['python3', '-I', '-S', '-c', INIT, program],
  User: '65534:65534',
  WorkingDir: '/work',
  Env: ['HOME=/work', 'PATH=/usr/local/bin:/usr/bin:/bin', 'LANG=C.UTF-8'],
  HostConfig: {
    Runtime: runtime,
    NetworkMode: 'none',
    ReadonlyRootfs: true,
    CapDrop: ['ALL'],
    SecurityOpt: ['no-new-privileges'],
    Memory: 256 * MIB,
    PidsLimit: 512,
    Tmpfs: { '/work': 'rw,size=16m,mode=1777', '/tmp': 'rw,size=16m,mode=1777' },
  },
});

/** What `print("took", ms)` of a guest said, in milliseconds. @throws Error if it said nothing of the kind */
export const tookMs = async (container: Docker.Container): Promise<number> => {
  const printed = (await container.logs({ stdout: true, stderr: true })).toString('latin1');
  const took = /took ([\d.]+)/.exec(printed)?.[1];
  if (took === undefined) throw new Error(`the guest did not say how long it took: ${printed.slice(-500)}`);
  return Number(took);
};
