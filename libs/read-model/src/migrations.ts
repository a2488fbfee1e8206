import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import type { Migration, MigrationProvider } from 'kysely/migration';

const first: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('evaluation')
      .addColumn('id', 'uuid', (column) => column.primaryKey())
      .addColumn('team', 'text', (column) => column.notNull())
      .addColumn('status', 'text', (column) => column.notNull())
      .addColumn('suite_name', 'text', (column) => column.notNull())
      .addColumn('submitted_position', 'bigint', (column) => column.notNull())
      .addColumn('position', 'bigint', (column) => column.notNull())
      .addColumn('view', 'jsonb', (column) => column.notNull())
      .execute();
    await db.schema.createIndex('evaluation_newest').on('evaluation').columns(['team', 'submitted_position']).execute();
    await db.schema
      .createTable('trial')
      .addColumn('evaluation_id', 'uuid', (column) => column.notNull())
      .addColumn('id', 'text', (column) => column.notNull())
      .addColumn('sample_index', 'integer', (column) => column.notNull())
      .addColumn('epoch', 'integer', (column) => column.notNull())
      .addColumn('attempt', 'integer', (column) => column.notNull())
      .addColumn('status', 'text', (column) => column.notNull())
      .addColumn('latest', 'boolean', (column) => column.notNull())
      .addColumn('outcome', 'text')
      .addColumn('reason', 'text')
      .addColumn('verdict', 'text')
      .addColumn('limits_hit', sql`text[]`, (column) => column.notNull())
      .addColumn('position', 'bigint', (column) => column.notNull())
      .addColumn('view', 'jsonb', (column) => column.notNull())
      .addPrimaryKeyConstraint('trial_pk', ['evaluation_id', 'id'])
      .execute();
    await db.schema
      .createIndex('trial_order')
      .on('trial')
      .columns(['evaluation_id', 'sample_index', 'epoch', 'attempt'])
      .execute();
    await db.schema
      .createTable('executor')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('position', 'bigint', (column) => column.notNull())
      .addColumn('view', 'jsonb', (column) => column.notNull())
      .execute();
    await db.schema
      .createTable('delivery')
      .addColumn('id', 'uuid', (column) => column.primaryKey())
      .addColumn('succeeded', 'boolean', (column) => column.notNull())
      .addColumn('position', 'bigint', (column) => column.notNull())
      .execute();
    await db.schema
      .createTable('projection')
      .addColumn('name', 'text', (column) => column.primaryKey())
      .addColumn('position', 'bigint', (column) => column.notNull())
      .execute();
  },
};

/**
 * Whatever an event can hold must find room, or one event would stop the projection for ever: `jsonb` refuses U+0000 and
 * half surrogate pairs, which JSON may hold, and `integer` refuses numbers that events may hold.
 */
const roomForEveryEvent: Migration = {
  async up(db: Kysely<unknown>) {
    for (const table of ['evaluation', 'trial', 'executor']) {
      await sql`alter table ${sql.table(table)} alter column view type json using view::text::json`.execute(db);
    }
    await sql`alter table trial
      alter column sample_index type bigint, alter column epoch type bigint, alter column attempt type bigint`.execute(
      db,
    );
  },
};

/**
 * An index of the log and its dead letters. The rows that are there came from events that are not in them any more, so
 * everything derived is emptied and the gateway fills it again from the log.
 */
const everyEvent: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('logged_event')
      .addColumn('position', 'bigint', (column) => column.primaryKey())
      .addColumn('id', 'uuid')
      .addColumn('type', 'text')
      .addColumn('subject', 'text', (column) => column.notNull())
      .addColumn('time', 'text')
      .addColumn('actor', 'text')
      .addColumn('team', 'text')
      .addColumn('evaluation_id', 'uuid')
      .addColumn('trial_id', 'text')
      .execute();
    // With the operators of patterns, because types are also asked for by their beginning.
    await sql`create index logged_event_type on logged_event (type text_pattern_ops, position)`.execute(db);
    await sql`create index logged_event_actor on logged_event (actor, position)`.execute(db);
    await sql`create index logged_event_evaluation on logged_event (evaluation_id, position)`.execute(db);
    await sql`create index logged_event_id on logged_event (id)`.execute(db);
    await db.schema
      .createTable('dead_letter')
      .addColumn('id', 'uuid', (column) => column.primaryKey())
      .addColumn('status', 'text', (column) => column.notNull())
      .addColumn('consumer', 'text', (column) => column.notNull())
      .addColumn('recorded_position', 'bigint', (column) => column.notNull())
      .addColumn('position', 'bigint', (column) => column.notNull())
      .addColumn('view', 'json', (column) => column.notNull())
      .execute();
    await db.schema.createIndex('dead_letter_newest').on('dead_letter').column('recorded_position').execute();
    await sql`truncate projection, evaluation, trial, executor, delivery`.execute(db);
  },
};

/**
 * Alerts, emergency stops and the rules that executors loaded; trials tell their sandbox's profile and proof. The rows that
 * are there say nothing of it, so everything is filled again from the log.
 */
const alertsAndStops: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('alert')
      .addColumn('id', 'uuid', (column) => column.primaryKey())
      .addColumn('team', 'text', (column) => column.notNull())
      .addColumn('evaluation_id', 'uuid', (column) => column.notNull())
      .addColumn('trial_id', 'text', (column) => column.notNull())
      .addColumn('rule_id', 'text', (column) => column.notNull())
      .addColumn('severity', 'text', (column) => column.notNull())
      .addColumn('capability', 'text', (column) => column.notNull())
      .addColumn('raised_position', 'bigint', (column) => column.notNull())
      .addColumn('acknowledged_position', 'bigint')
      .addColumn('position', 'bigint', (column) => column.notNull())
      .addColumn('view', 'json', (column) => column.notNull())
      .execute();
    await sql`create index alert_newest on alert (team, raised_position)`.execute(db);
    await sql`create index alert_evaluation on alert (evaluation_id, raised_position)`.execute(db);
    await sql`create index alert_rule on alert (team, rule_id, raised_position)`.execute(db);
    await sql`create index alert_severity on alert (team, severity, raised_position)`.execute(db);
    await sql`create index alert_unacknowledged on alert (team, severity, raised_position)
      where acknowledged_position is null`.execute(db);
    await db.schema
      .createTable('stop')
      .addColumn('id', 'uuid', (column) => column.primaryKey())
      .addColumn('teams', sql`text[]`, (column) => column.notNull())
      .addColumn('scope_kind', 'text')
      .addColumn('scope_of', 'text')
      .addColumn('engaged_position', 'bigint')
      .addColumn('released_position', 'bigint')
      .addColumn('position', 'bigint', (column) => column.notNull())
      .addColumn('record', 'json', (column) => column.notNull())
      .execute();
    await sql`create index stop_newest on stop (engaged_position)`.execute(db);
    await db.schema
      .createTable('rule_set')
      .addColumn('executor_id', 'text', (column) => column.primaryKey())
      .addColumn('position', 'bigint', (column) => column.notNull())
      .addColumn('view', 'json', (column) => column.notNull())
      .execute();
    await sql`truncate projection, evaluation, trial, executor, delivery, logged_event, dead_letter`.execute(db);
  },
};

/**
 * Of which stop an event tells, so that it is shown to those alone whom the stop is for. The rows that are there do not say
 * it, so everything is filled again from the log.
 */
const eventsOfStops: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`alter table logged_event add column stop_id uuid`.execute(db);
    await sql`truncate projection, evaluation, trial, executor, delivery, logged_event, dead_letter, alert, stop, rule_set`.execute(
      db,
    );
  },
};

/**
 * Who was evaluated, what was called, what waits for a person, and by which profile a trial ran. The rows that are there say nothing of it, so everything
 * is filled again from the log.
 */
const modelsAndCalls: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`truncate projection, evaluation, trial, executor, delivery, logged_event, dead_letter, alert, stop,
      rule_set`.execute(db);
    await db.schema
      .alterTable('evaluation')
      .addColumn('subject_kind', 'text', (column) => column.notNull())
      .addColumn('subject_model', 'text')
      .execute();
    await sql`create index evaluation_model on evaluation (team, subject_model, submitted_position)`.execute(db);
    await db.schema
      .alterTable('trial')
      .addColumn('approvals_waiting', 'bigint', (column) => column.notNull())
      .addColumn('looser_profile', 'boolean', (column) => column.notNull())
      .execute();
    await sql`create index trial_waiting on trial (evaluation_id, id) where approvals_waiting > 0`.execute(db);
    await db.schema
      .createTable('trial_call')
      .addColumn('position', 'bigint', (column) => column.primaryKey())
      .addColumn('evaluation_id', 'uuid', (column) => column.notNull())
      .addColumn('trial_id', 'text', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('turn', 'bigint', (column) => column.notNull())
      .addColumn('view', 'json', (column) => column.notNull())
      .execute();
    await sql`create index trial_call_order on trial_call (evaluation_id, trial_id, position)`.execute(db);
  },
};

/**
 * Which models there are, and which budget ended an evaluation. The rows that are there say nothing of it, so everything is
 * filled again from the log.
 */
const modelSets: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`truncate projection, evaluation, trial, trial_call, executor, delivery, logged_event, dead_letter, alert, stop,
      rule_set`.execute(db);
    await db.schema
      .createTable('model_set')
      .addColumn('executor_id', 'text', (column) => column.primaryKey())
      .addColumn('position', 'bigint', (column) => column.notNull())
      .addColumn('view', 'json', (column) => column.notNull())
      .execute();
  },
};

/**
 * Which images sandboxes can be made from. A gateway of before may have passed over what executors told of them, so
 * everything is filled again from the log.
 */
const imageSets: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`truncate projection, evaluation, trial, trial_call, executor, delivery, logged_event, dead_letter, alert, stop,
      rule_set, model_set`.execute(db);
    await db.schema
      .createTable('image_set')
      .addColumn('executor_id', 'text', (column) => column.primaryKey())
      .addColumn('position', 'bigint', (column) => column.notNull())
      .addColumn('view', 'json', (column) => column.notNull())
      .execute();
  },
};

const provider: MigrationProvider = {
  getMigrations: () =>
    Promise.resolve({
      '001-first': first,
      '002-room-for-every-event': roomForEveryEvent,
      '003-every-event': everyEvent,
      '004-alerts-and-stops': alertsAndStops,
      '005-events-of-stops': eventsOfStops,
      '006-models-and-calls': modelsAndCalls,
      '007-model-sets': modelSets,
      '008-image-sets': imageSets,
    }),
};

/** Brings the schema up to date. Safe when several gateways start at once: Kysely takes a lock. */
export const migrate = async (db: Kysely<never>): Promise<void> => {
  const { error } = await new Migrator({ db, provider }).migrateToLatest();
  if (error !== undefined) throw error;
};
