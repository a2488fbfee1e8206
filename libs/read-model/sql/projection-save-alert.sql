-- $1 uuid[]
-- $2 text[]
-- $3 uuid[]
-- $4 text[]
-- $5 text[]
-- $6 text[]
-- $7 text[]
-- $8 bigint[]
-- $9 bigint[]
-- $10 bigint[]
-- $11 json[]
insert into "alert" ("id", "team", "evaluation_id", "trial_id", "rule_id", "severity", "capability", "raised_position", "acknowledged_position", "position", "view")
select "id", "team", "evaluation_id", "trial_id", "rule_id", "severity", "capability", "raised_position", "acknowledged_position", "position", "view"
from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::bigint[], $11::json[]) as row("id", "team", "evaluation_id", "trial_id", "rule_id", "severity", "capability", "raised_position", "acknowledged_position", "position", "view")
on conflict ("id")
do update set "acknowledged_position" = "excluded"."acknowledged_position", "position" = "excluded"."position", "view" = "excluded"."view";
