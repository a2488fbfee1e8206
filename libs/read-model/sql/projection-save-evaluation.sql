-- $1 uuid[]
-- $2 text[]
-- $3 text[]
-- $4 text[]
-- $5 text[]
-- $6 text[]
-- $7 bigint[]
-- $8 bigint[]
-- $9 json[]
insert into "evaluation" ("id", "team", "status", "suite_name", "subject_kind", "subject_model", "submitted_position", "position", "view")
select "id", "team", "status", "suite_name", "subject_kind", "subject_model", "submitted_position", "position", "view"
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::json[]) as row("id", "team", "status", "suite_name", "subject_kind", "subject_model", "submitted_position", "position", "view")
on conflict ("id")
do update set "status" = "excluded"."status", "position" = "excluded"."position", "view" = "excluded"."view";
