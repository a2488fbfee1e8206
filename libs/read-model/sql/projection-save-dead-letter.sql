-- $1 uuid[]
-- $2 text[]
-- $3 text[]
-- $4 bigint[]
-- $5 bigint[]
-- $6 json[]
insert into "dead_letter" ("id", "status", "consumer", "recorded_position", "position", "view")
select "id", "status", "consumer", "recorded_position", "position", "view"
from unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::json[]) as row("id", "status", "consumer", "recorded_position", "position", "view")
on conflict ("id")
do update set "status" = "excluded"."status", "position" = "excluded"."position", "view" = "excluded"."view";
