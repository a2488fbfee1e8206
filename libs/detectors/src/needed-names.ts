import type { ASTNode } from '@marcbachmann/cel-js';

/** Names that an event may have, or null where it may have any. */
export type Names = ReadonlySet<string> | null;

const isName = (node: ASTNode): boolean => {
  if (node.op !== '.') return false;
  const [of, field] = node.args;
  return field === 'name' && of.op === 'id' && of.args === 'event';
};

const texts = (nodes: readonly ASTNode[]): Names => {
  const values = nodes.map(({ op, args }) => (op === 'value' ? (args as unknown) : null));
  return values.every((value) => typeof value === 'string') ? new Set(values) : null;
};

const both = (one: Names, other: Names): Names => {
  if (one === null || other === null) return one ?? other;
  return new Set([...one].filter((name) => other.has(name)));
};

const either = (one: Names, other: Names): Names =>
  one === null || other === null ? null : new Set([...one, ...other]);

/**
 * The values of `event.name` without which a condition cannot hold, as far as it says so by `==`, `in`, `&&` and `||`. With
 * any other name it is false, whatever else the event is: in CEL what is false is so beside an error as well.
 */
export const neededNames = (node: ASTNode): Names => {
  switch (node.op) {
    case '&&':
      return both(neededNames(node.args[0]), neededNames(node.args[1]));
    case '||':
      return either(neededNames(node.args[0]), neededNames(node.args[1]));
    case '==':
      return isName(node.args[0]) ? texts([node.args[1]]) : null;
    case 'in': {
      const [one, list] = node.args;
      return isName(one) && list.op === 'list' ? texts(list.args) : null;
    }
    default:
      return null;
  }
};
