-- $1 bigint[]
-- $2 uuid[]
-- $3 text[]
-- $4 text[]
-- $5 bigint[]
-- $6 json[]
insert into "trial_call" ("position", "evaluation_id", "trial_id", "kind", "turn", "view")
select "position", "evaluation_id", "trial_id", "kind", "turn", "view"
from unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::json[]) as row("position", "evaluation_id", "trial_id", "kind", "turn", "view")
on conflict ("position") do nothing;
