-- $1 uuid[]
-- $2 text[]
-- $3 text[]
-- $4 text[]
-- $5 bigint[]
-- $6 bigint[]
-- $7 json[]
insert into "evaluation" ("id", "team", "status", "suite_name", "submitted_position", "position", "view")
select "id", "team", "status", "suite_name", "submitted_position", "position", "view"
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::json[]) as row("id", "team", "status", "suite_name", "submitted_position", "position", "view")
on conflict ("id")
do update set "status" = "excluded"."status", "position" = "excluded"."position", "view" = "excluded"."view";
