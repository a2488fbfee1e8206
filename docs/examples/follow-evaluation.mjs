// Prints every event of one evaluation, from its first to its last: node follow-evaluation.mjs <nats url> <password file> <evaluation id>
import { readFileSync } from 'node:fs';
import { connect } from 'nats';

const [servers, passwordFile, evaluationId] = process.argv.slice(2);
const nc = await connect({ servers, user: 'subscriber', pass: readFileSync(passwordFile, 'utf8').trim() });
const own = `crucible.events.evaluation.${evaluationId}`;
for (let from = 1, filter = own, type = ''; type !== 'crucible.evaluation.completed.v1';) {
  const query = JSON.stringify({ seq: from, next_by_subj: filter });
  const answer = await nc.request('$JS.API.DIRECT.GET.EVENTS', query, { timeout: 5_000 });
  const { headers } = answer;
  if (headers.code === 404) await new Promise((resolve) => setTimeout(resolve, 250)); // nothing more yet
  if (headers.code !== 0) continue;
  from = Number(headers.get('Nats-Sequence')) + 1; // where to go on after a restart
  filter = 'crucible.events.evaluation.>'; // its own events and those of its trials, in order
  if (!`${headers.get('Nats-Subject')}.`.startsWith(`${own}.`)) continue;
  const event = answer.json();
  type = event.type;
  console.log(from - 1, type, JSON.stringify(event.data));
}
await nc.close();
