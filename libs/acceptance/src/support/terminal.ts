import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { environmentWith, repository } from './config.ts';
import { platform } from './facts.ts';

export const size = { columns: 120, rows: 30 } as const;

/** A control sequence, or one character. */
const PIECE = /\u001b\[([?0-9;]*)([A-Za-z])|[^]/gu;

/**
 * What a terminal shows that is sent these bytes: as much of one as a picture that is drawn over itself needs. A sequence
 * it does not know is an error, so that none goes by unseen.
 */
export class Screen {
  /** As it was whenever a picture was whole, the newest last. */
  readonly pictures: string[][] = [];
  isCursorShown = true;
  #lines: string[][] = [[]];
  #row = 0;
  #column = 0;
  #rest = '';

  get lines(): string[] {
    return this.#lines.map((line) => line.join('').trimEnd());
  }

  feed(text: string): void {
    const all = this.#rest + text;
    // A sequence may come in two parts.
    const cut = /\u001b(?:\[[?0-9;]*)?$/.exec(all)?.index ?? all.length;
    this.#rest = all.slice(cut);
    for (const [piece, given = '', letter] of all.slice(0, cut).matchAll(PIECE))
      if (letter === undefined) this.#character(piece);
      else this.#obey(given, letter);
  }

  #character(character: string): void {
    if (character === '\r') this.#column = 0;
    else if (character === '\n') this.#down(1);
    else if (character < ' ') throw new Error(`a terminal was sent ${JSON.stringify(character)}`);
    else {
      const line = this.#lines[this.#row] ?? [];
      while (line.length < this.#column) line.push(' ');
      line[this.#column] = character;
      this.#column += 1;
    }
  }

  #down(by: number): void {
    this.#row += by;
    while (this.#lines.length <= this.#row) this.#lines.push([]);
  }

  #obey(given: string, letter: string): void {
    const by = Number(given === '' ? 1 : given);
    const line = this.#lines[this.#row] ?? [];
    switch (`${given.startsWith('?') ? given : ''}${letter}`) {
      case 'm':
        return;
      case 'A':
        this.#row = Math.max(0, this.#row - by);
        return;
      case 'B':
        return this.#down(by);
      case 'E':
        this.#column = 0;
        return this.#down(by);
      case 'G':
        this.#column = by - 1;
        return;
      case 'K':
        line.splice(given === '2' ? 0 : this.#column);
        return;
      case 'J':
        line.splice(this.#column);
        this.#lines.splice(this.#row + 1);
        return;
      case '?25l':
      case '?25h':
        this.isCursorShown = letter === 'h';
        return;
      case '?2026h':
        return;
      case '?2026l':
        this.pictures.push(this.lines);
        return;
      default:
        throw new Error(`a terminal was sent ${JSON.stringify(`\u001b[${given}${letter}`)}`);
    }
  }
}

export interface OnTerminal {
  readonly screen: Screen;
  readonly ended: Promise<number>;
  /** Presses keys. */
  press(keys: string): void;
}

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** Starts `./crucible` with a terminal before it, on the shared platform's home. */
export const onTerminal = (argv: readonly string[], timeoutMs = 60_000): OnTerminal => {
  const words = [join(repository, 'crucible'), ...argv].map(quoted).join(' ');
  const command = `stty cols ${size.columns} rows ${size.rows}; exec ${words}`;
  const child = spawn('script', ['--quiet', '--return', '--flush', '--command', command, '/dev/null'], {
    cwd: repository,
    env: environmentWith({ CRUCIBLE_HOME: platform().home, TERM: 'xterm-256color', SHELL: '/bin/sh', CI: '' }),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const screen = new Screen();
  let failure: unknown;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    try {
      screen.feed(text);
    } catch (error) {
      failure ??= error;
    }
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      if (failure === undefined) resolve(code ?? 137);
      else reject(failure as Error);
    });
  });
  return { screen, ended, press: (keys) => void child.stdin.write(keys) };
};
