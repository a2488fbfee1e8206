-- $1 text[]
-- $2 bigint[]
-- $3 json[]
insert into "image_set" ("executor_id", "position", "view")
select "executor_id", "position", "view"
from unnest($1::text[], $2::bigint[], $3::json[]) as row("executor_id", "position", "view")
on conflict ("executor_id")
do update set "position" = "excluded"."position", "view" = "excluded"."view";
