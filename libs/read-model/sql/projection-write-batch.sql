-- $1 uuid[]
-- $2 text[]
-- $3 bigint[]
-- $4 bigint[]
-- $5 bigint[]
-- $6 text[]
-- $7 boolean[]
-- $8 text[]
-- $9 text[]
-- $10 text[]
-- $11 text[]
-- $12 bigint[]
-- $13 boolean[]
-- $14 bigint[]
-- $15 json[]
-- $16 bigint[]
-- $17 uuid[]
-- $18 text[]
-- $19 text[]
-- $20 text[]
-- $21 text[]
-- $22 text[]
-- $23 uuid[]
-- $24 text[]
-- $25 uuid[]
-- $26 bigint
-- $27 text
with "write_trial" as (insert into "trial" ("evaluation_id", "id", "sample_index", "epoch", "attempt", "status", "latest", "outcome", "reason", "verdict", "limits_hit", "approvals_waiting", "looser_profile", "position", "view")
select "evaluation_id", "id", "sample_index", "epoch", "attempt", "status", "latest", "outcome", "reason", "verdict", "limits_hit"::text[], "approvals_waiting", "looser_profile", "position", "view"
from unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::boolean[], $8::text[], $9::text[], $10::text[], $11::text[], $12::bigint[], $13::boolean[], $14::bigint[], $15::json[]) as row("evaluation_id", "id", "sample_index", "epoch", "attempt", "status", "latest", "outcome", "reason", "verdict", "limits_hit", "approvals_waiting", "looser_profile", "position", "view")
on conflict ("evaluation_id", "id")
do update set "status" = "excluded"."status", "latest" = "excluded"."latest", "outcome" = "excluded"."outcome", "reason" = "excluded"."reason", "verdict" = "excluded"."verdict", "limits_hit" = "excluded"."limits_hit", "approvals_waiting" = "excluded"."approvals_waiting", "looser_profile" = "excluded"."looser_profile", "position" = "excluded"."position", "view" = "excluded"."view"), "write_logged_event" as (insert into "logged_event" ("position", "id", "type", "subject", "time", "actor", "team", "evaluation_id", "trial_id", "stop_id")
select "position", "id", "type", "subject", "time", "actor", "team", "evaluation_id", "trial_id", "stop_id"
from unnest($16::bigint[], $17::uuid[], $18::text[], $19::text[], $20::text[], $21::text[], $22::text[], $23::uuid[], $24::text[], $25::uuid[]) as row("position", "id", "type", "subject", "time", "actor", "team", "evaluation_id", "trial_id", "stop_id")
on conflict ("position") do nothing) update "projection" set "position" = $26
where "name" = $27;
