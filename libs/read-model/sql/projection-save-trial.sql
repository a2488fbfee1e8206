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
insert into "trial" ("evaluation_id", "id", "sample_index", "epoch", "attempt", "status", "latest", "outcome", "reason", "verdict", "limits_hit", "approvals_waiting", "looser_profile", "position", "view")
select "evaluation_id", "id", "sample_index", "epoch", "attempt", "status", "latest", "outcome", "reason", "verdict", "limits_hit"::text[], "approvals_waiting", "looser_profile", "position", "view"
from unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::boolean[], $8::text[], $9::text[], $10::text[], $11::text[], $12::bigint[], $13::boolean[], $14::bigint[], $15::json[]) as row("evaluation_id", "id", "sample_index", "epoch", "attempt", "status", "latest", "outcome", "reason", "verdict", "limits_hit", "approvals_waiting", "looser_profile", "position", "view")
on conflict ("evaluation_id", "id")
do update set "status" = "excluded"."status", "latest" = "excluded"."latest", "outcome" = "excluded"."outcome", "reason" = "excluded"."reason", "verdict" = "excluded"."verdict", "limits_hit" = "excluded"."limits_hit", "approvals_waiting" = "excluded"."approvals_waiting", "looser_profile" = "excluded"."looser_profile", "position" = "excluded"."position", "view" = "excluded"."view";
