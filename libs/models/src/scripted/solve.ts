/** A question that a script can answer, and how it would answer it wrongly. */
export interface Solved {
  readonly right: string;
  readonly wrong: string;
}

const WORDS: Readonly<Record<string, string>> = { plus: '+', minus: '-', times: '*', '×': '*', x: '*', '÷': '/' };
const SUM = /(-?\d+(?:\.\d+)?)\s*(\+|-|\*|\/|×|÷|x|plus|minus|times|divided by)\s*(-?\d+(?:\.\d+)?)/gi;
const CHOICE = /^\s*\(?([A-H])[).:]\s+(.+)$/gm;

const computed = (left: number, operator: string, right: number): number => {
  const lower = operator.toLowerCase();
  switch (lower === 'divided by' ? '/' : (WORDS[lower] ?? lower)) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    default:
      return left / right;
  }
};

const plain = (value: number): string => String(Number(value.toFixed(6)));

/** The last sum in a text. */
const sumIn = (text: string): Solved | undefined => {
  const [, left, operator, right] = [...text.matchAll(SUM)].at(-1) ?? [];
  if (left === undefined || operator === undefined || right === undefined) return undefined;
  const value = computed(Number(left), operator, Number(right));
  return Number.isFinite(value) ? { right: plain(value), wrong: plain(value + 7) } : undefined;
};

/** Reads sums, and sums with choices. Everything else is beyond a script. */
export const solve = (text: string): Solved | undefined => {
  const choices = [...text.matchAll(CHOICE)].map(([, letter = '', answer = '']) => ({ letter, answer: answer.trim() }));
  const question = choices.length === 0 ? text : text.slice(0, text.search(CHOICE));
  const solved = sumIn(question);
  if (choices.length === 0) return solved;
  const right = choices.find(({ answer }) => answer === solved?.right);
  const wrong = choices.find((choice) => choice !== right);
  return right === undefined || wrong === undefined ? undefined : { right: right.letter, wrong: wrong.letter };
};

/** As the question wants it said: behind `ANSWER:` where it asks for that, else alone. */
export const phrased = (answer: string, task: string): string => (/ANSWER:/.test(task) ? `ANSWER: ${answer}` : answer);
