import { createSubscriber } from 'svelte/reactivity';

const tickMs = 1_000;

const subscribe = createSubscriber((update) => {
  const timer = setInterval(update, tickMs);
  return () => clearInterval(timer);
});

/** A page that shows a past moment stops the clock at it, so that nothing on it tells another time. */
class Stopped {
  atMs = $state<number | null>(null);
}
export const stopped = new Stopped();

/** The present in milliseconds; who reads it in an effect or template is told every second. Without readers nothing ticks. */
export const present = (): number => {
  subscribe();
  return Date.now();
};

/** The same, or the past moment that the page shows. */
export const now = (): number => stopped.atMs ?? present();
