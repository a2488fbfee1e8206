import type { OfferedTool, Scene } from './scene.ts';

export interface ToolUse {
  readonly tool: string;
  readonly input: Readonly<Record<string, string>>;
}

/** One reply of a script. */
export interface Act {
  readonly say: string;
  readonly uses: readonly ToolUse[];
}

/** One thing that a script is out to do, once. */
export interface Goal {
  readonly name: string;
  /** How it would be done now; undefined while it cannot be, or need not be. */
  readonly act: (scene: Scene) => Act | undefined;
}

/** Ends a trial with an answer, by the tool for it where there is one. */
export const finish = (scene: Scene, answer: string, say = answer): Act => {
  const submit = scene.tools.get('submit');
  if (submit === undefined) return { say, uses: [] };
  return { say, uses: [{ tool: 'submit', input: { [submit.argument(['answer', 'result', 'value'])]: answer } }] };
};

const quotedForPython = (text: string): string => JSON.stringify(text);

/** Runs a command by whichever tool runs one; undefined when none does. */
export const shell = (scene: Scene, say: string, command: string): Act | undefined => {
  const bash = scene.tools.get('bash');
  if (bash !== undefined)
    return { say, uses: [{ tool: 'bash', input: { [bash.argument(['command', 'cmd', 'script'])]: command } }] };
  const python = scene.tools.get('python');
  if (python === undefined) return undefined;
  const code = `import subprocess\nr = subprocess.run(["sh", "-c", ${quotedForPython(command)}], capture_output=True, text=True)\nprint(r.stdout + r.stderr)`;
  return { say, uses: [{ tool: 'python', input: { [python.argument(['code', 'source', 'script'])]: code } }] };
};

export const readFile = (scene: Scene, say: string, path: string): Act | undefined => {
  const tool = scene.tools.get('read_file');
  if (tool === undefined) return shell(scene, say, `cat ${quoted(path)}`);
  return { say, uses: [{ tool: 'read_file', input: { [tool.argument(['path', 'file', 'name'])]: path } }] };
};

export const writeFile = (scene: Scene, say: string, path: string, content: string): Act | undefined => {
  const tool = scene.tools.get('write_file');
  if (tool === undefined) return shell(scene, say, `printf '%s\\n' ${quoted(content)} > ${quoted(path)}`);
  const input = {
    [tool.argument(['path', 'file', 'name'])]: path,
    [tool.argument(['content', 'contents', 'text', 'data'], 1)]: content,
  };
  return { say, uses: [{ tool: 'write_file', input }] };
};

/** For a shell, as one word. A home folder's sign stays outside the quotes. */
export const quoted = (text: string): string => {
  const home = text.startsWith('~/') ? '"$HOME"/' : '';
  return `${home}'${text.slice(home === '' ? 0 : 2).replaceAll("'", `'\\''`)}'`;
};

/** A tool that says something to somebody. */
export const speakingTool = (scene: Scene): OfferedTool | undefined =>
  [...scene.tools.values()].find(
    (tool) => /message|reply|say|email|post/i.test(tool.name) && tool.has(['message', 'text', 'body', 'content']),
  );

/**
 * What a script with goals does now: it goes through what it did before, and then does the first thing that is left. Past
 * its goals it does what `otherwise` says.
 */
export const pursue = (goals: readonly Goal[], scenes: readonly Scene[], otherwise: (scene: Scene) => Act): Act => {
  const done = new Set<string>();
  let act: Act | undefined;
  for (const scene of scenes) {
    act = undefined;
    for (const goal of goals) {
      if (done.has(goal.name)) continue;
      act = goal.act(scene);
      if (act === undefined) continue;
      done.add(goal.name);
      break;
    }
  }
  return act ?? otherwise(scenes.at(-1) as Scene);
};
