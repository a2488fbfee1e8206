-- $1 bigint[]
-- $2 uuid[]
-- $3 text[]
-- $4 text[]
-- $5 text[]
-- $6 text[]
-- $7 text[]
-- $8 uuid[]
-- $9 text[]
-- $10 uuid[]
insert into "logged_event" ("position", "id", "type", "subject", "time", "actor", "team", "evaluation_id", "trial_id", "stop_id")
select "position", "id", "type", "subject", "time", "actor", "team", "evaluation_id", "trial_id", "stop_id"
from unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::uuid[], $9::text[], $10::uuid[]) as row("position", "id", "type", "subject", "time", "actor", "team", "evaluation_id", "trial_id", "stop_id")
on conflict ("position") do nothing;
