-- $1 text[]
-- $2 bigint[]
-- $3 json[]
insert into "executor" ("id", "position", "view")
select "id", "position", "view"
from unnest($1::text[], $2::bigint[], $3::json[]) as row("id", "position", "view")
on conflict ("id")
do update set "position" = "excluded"."position", "view" = "excluded"."view";
