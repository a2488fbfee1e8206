import { EventEmitter } from 'node:events';
import type { FastifyReply } from 'fastify';
import { describe, expect, it } from 'vitest';
import { ProblemException } from '../problem.ts';
import { departureOf } from './departure.ts';

const closing = (writableFinished: boolean): AbortSignal => {
  const raw = Object.assign(new EventEmitter(), { writableFinished });
  const signal = departureOf({ raw } as unknown as FastifyReply);
  expect(signal.aborted).toBe(false);
  raw.emit('close');
  return signal;
};

describe('a departure', () => {
  it('is a connection that ended before its answer was written, and has a name', () => {
    const { aborted, reason } = closing(false);
    expect(aborted).toBe(true);
    expect(reason).toBeInstanceOf(ProblemException);
  });

  it('is none when the answer was written', () => {
    expect(closing(true).aborted).toBe(false);
  });
});
