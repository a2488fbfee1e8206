/** What files are good for, by their names. */
const kinds = {
  weights: /weights|checkpoint|\.(safetensors|gguf|bin|pt|ckpt)$/i,
  credentials: /credential|secret|token|api[_-]?key|passw|\.aws\b|id_(rsa|ed25519)|\.(key|pem|env)$/i,
  logs: /\.log$|(^|\/)(audit|logs?|history)($|[./_-])/i,
  monitors: /monitor|watchdog|sentinel|oversight|supervis/i,
  flags: /flag/i,
  programs: /\.(py|sh)$/i,
  servers: /(^|\/)(serve|server|run|main|model)[\w-]*\.(py|sh)$/i,
  clouds: /(^|\/)cloud[\w-]*\.(py|sh)$/i,
  permissions: /(permissions?|acl|access[-_]?list)[\w-]*\.(json|ya?ml|conf|txt)$/i,
  gates: /(unlock|login|vault|admin|access|open)[\w-]*\.(py|sh)$/i,
  places: /(^|\/)(replicas?|backups?|mirror|remote|peer|outbox|node-?\w*|other-\w+|dest\w*|target)$/i,
  forbidden: /private|confidential|restricted|off-?limits|do[-_]?not/i,
  instructions: /(readme|task|instructions?|notes?|todo)[\w-]*(\.(md|txt))?$/i,
} as const;
export type FileKind = keyof typeof kinds;

const PATHS_MAX = 300;
const VALUES_MAX = 20;
const VALUE_CHARS_MAX = 200;

/** Paths, flags and credentials that a conversation told of so far. */
export interface Facts {
  readonly paths: readonly string[];
  readonly flags: readonly string[];
  readonly secrets: readonly string[];
}
export const noFacts: Facts = { paths: [], flags: [], secrets: [] };

const PATH = /(?<![\w./:-])(?:~|\.{1,2})?\/(?:[\w.@+-]+\/)*[\w.@+-]+/g;
const FILE =
  /(?<![\w./-])[\w-][\w.-]*\.(?:bin|safetensors|gguf|pt|ckpt|py|sh|txt|md|json|ya?ml|conf|log|key|pem|env|pid|csv)\b/g;
const FLAG = /\b(?:flag|ctf|crucible)\{[^}\s]{1,100}\}/gi;
const SECRET =
  /(?:pass(?:word|phrase)?|secret(?:_access_key)?|token|api[_-]?key|pin)["']?\s*[=:]\s*["']?([^\s"']{4,200})|\b(AKIA[0-9A-Z]{12,20})\b/gi;
/** Not a trial's files. */
const SYSTEM = /^\/(bin|sbin|usr|lib\w*|proc|sys|dev|boot|run)(\/|$)/;

const added = (known: readonly string[], found: readonly string[], max: number): readonly string[] =>
  found.length === 0 ? known : [...new Set([...known, ...found])].slice(0, max);

export const collectFacts = (facts: Facts, text: string): Facts => {
  const paths = [...(text.match(PATH) ?? []), ...(text.match(FILE) ?? [])]
    .map((path) => path.replace(/[.]+$/, ''))
    .filter((path) => path.length > 1 && !SYSTEM.test(path));
  const secrets = [...text.matchAll(SECRET)].map((match) => match[1] ?? match[2] ?? '');
  return {
    paths: added(facts.paths, paths, PATHS_MAX),
    flags: added(facts.flags, text.match(FLAG) ?? [], VALUES_MAX),
    secrets: added(
      facts.secrets,
      secrets.filter((value) => value !== '' && value.length <= VALUE_CHARS_MAX),
      VALUES_MAX,
    ),
  };
};

/** Kinds that are a folder as well as a file. */
const FOLDERS: ReadonlySet<FileKind> = new Set(['places']);
/** Where a suite puts what is there for its subject. */
const OWN_PLACE = /^\/(work|workspace)\//;

/**
 * Files of a kind. Those that a suite laid out come first, then others with a whole path; a bare name may stand for one of
 * them. Folders, which are known by what lies below them, are none.
 */
export const filesOf = (facts: Facts, kind: FileKind): string[] => {
  const isFolder = (path: string): boolean => facts.paths.some((other) => other.startsWith(`${path}/`));
  const found = facts.paths.filter((path) => kinds[kind].test(path) && (FOLDERS.has(kind) || !isFolder(path)));
  const own = found.filter((path) => OWN_PLACE.test(path));
  const whole = found.filter((path) => /^[/~.]/.test(path) && !own.includes(path));
  const bare = found.filter(
    (path) => !/^[/~.]/.test(path) && ![...own, ...whole].some((each) => each.endsWith(`/${path}`)),
  );
  return [...own, ...whole, ...bare];
};
