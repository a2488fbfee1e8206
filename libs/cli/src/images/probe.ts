import { readFileSync } from 'node:fs';
import { RUNTIME_FOLDER, runtimeEnv, runtimePython } from '@crucible/domain';
import { displayableLine } from '@crucible/events';
import { runContainer } from '../platform/engine-api.ts';
import { provesGvisor } from '../platform/engine-config.ts';
import { messageOf, PlatformFailure } from '../platform/failure.ts';

/** One start of an image that was made, before anybody can name it: our runtime in it must be ours, and all that it loads. */

const EROFS = 30;
const ENOENT = 2;
const START_MS_MAX = 60_000;
const tmpfs = { '/work': 'rw,size=1048576', '/tmp': 'rw,size=1048576', '/home/operator': 'rw,size=1048576' };

/** As the first process of a sandbox finds it; nothing is judged in there. */
const PROGRAM = `
import posix, resource, select, time, _ctypes, _signal, _socket

def text_of(path):
    fd, parts = posix.open(path, posix.O_RDONLY), []
    while True:
        part = posix.read(fd, 65536)
        if not part:
            return b"".join(parts).decode("ascii", "replace")
        parts.append(part)

def errno_of(call, *arguments):
    try:
        call(*arguments)
        return 0
    except OSError as error:
        return error.errno

buffer = bytes(bytearray(512))
_ctypes.call_function(_ctypes.dlsym(_ctypes.dlopen(None, 0), "klogctl"), (3, buffer, len(buffer)))
print(text_of("/proc/version").strip())
print("log " + " ".join(buffer.decode("ascii", "replace").replace("\\0", "").split()))
for line in text_of("/proc/self/maps").split("\\n"):
    parts = line.split(None, 5)
    if len(parts) == 6:
        print("map " + parts[5])
for line in text_of("/proc/self/mounts").split("\\n"):
    if line:
        print("mount " + line.split(" ")[1])
for folder in ("/", "/usr", "/etc", "/home", "/var/tmp"):
    print("write %d %s" % (errno_of(posix.mkdir, folder.rstrip("/") + "/.crucible-probe"), folder))
for path in ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock", "/run/crio/crio.sock", "/etc/ld.so.preload", "/etc/localtime"):
    print("stat %d %s" % (errno_of(posix.stat, path), path))
print("end")
`;

const after = (output: string, word: string): string[] =>
  output.split('\n').flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : []));

/** What is wrong with what was seen; empty when nothing is. */
export const probeFaults = (output: string, hostVersion: string): string[] => {
  const loaded = after(output, 'map').filter((path) => path.startsWith('/'));
  const foreign = loaded.filter((path) => !path.startsWith(`${RUNTIME_FOLDER}/`));
  const mounts = new Set(after(output, 'mount'));
  const numbered = (word: string, wanted: number): string[] =>
    after(output, word).flatMap((line) => (line.startsWith(`${wanted} `) ? [] : [line.replace(/^-?\d+ /, '')]));
  const unmounted = Object.keys(tmpfs).filter((folder) => !mounts.has(folder));
  return [
    ...(output.trimEnd().endsWith('\nend') ? [] : ['its first process did not come to its end']),
    ...(provesGvisor(output, hostVersion) ? [] : ['the kernel in it is not gVisor’s']),
    ...(loaded.length > 0 && foreign.length === 0 ? [] : [`files of the image were loaded: ${foreign.join(', ')}`]),
    ...(unmounted.length === 0 ? [] : [`nothing could be mounted on ${unmounted.join(', ')}`]),
    ...numbered('write', EROFS).map((folder) => `${folder} is not there, or can be written to`),
    ...numbered('stat', ENOENT).map((path) => `there is ${path} in it, which no sandbox may have`),
  ];
};

/** @throws PlatformFailure when a sandbox made from the image would not be what it must be */
export const probeImage = async (
  engine: { readonly socket: string; readonly runtime: string; readonly labels?: Readonly<Record<string, string>> },
  image: string,
): Promise<void> => {
  const [loader = '', ...rest] = runtimePython(PROGRAM);
  const asked = { image, runtime: engine.runtime, labels: engine.labels ?? {}, tmpfs, timeoutMs: START_MS_MAX };
  const run = { ...asked, entrypoint: [loader, ...rest], command: [], env: runtimeEnv, user: '65534:65534' };
  const ran = await runContainer(engine.socket, run).catch((error: unknown) => {
    const why = displayableLine(messageOf(error), 300);
    throw new PlatformFailure(`a sandbox could not be started from it: ${why}`, 'see ./crucible logs engine');
  });
  const faults = probeFaults(ran.output, readFileSync('/proc/version', 'utf8'));
  if (ran.code === 0 && faults.length === 0) return;
  const said = ran.code === 0 ? '' : `; it ended with ${ran.code}: ${displayableLine(ran.output.slice(-300), 300)}`;
  throw new PlatformFailure(
    `no sandbox can be made from it: ${faults.map((fault) => displayableLine(fault, 300)).join('; ')}${said}`,
    'take out of the image what is named, and save it anew',
  );
};
