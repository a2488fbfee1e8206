-- $1 uuid[]
-- $2 text[]
-- $3 text[]
-- $4 text[]
-- $5 bigint[]
-- $6 bigint[]
-- $7 bigint[]
-- $8 json[]
insert into "stop" ("id", "teams", "scope_kind", "scope_of", "engaged_position", "released_position", "position", "record")
select "id", "teams"::text[], "scope_kind", "scope_of", "engaged_position", "released_position", "position", "record"
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::json[]) as row("id", "teams", "scope_kind", "scope_of", "engaged_position", "released_position", "position", "record")
on conflict ("id")
do update set "teams" = "excluded"."teams", "scope_kind" = "excluded"."scope_kind", "scope_of" = "excluded"."scope_of", "engaged_position" = "excluded"."engaged_position", "released_position" = "excluded"."released_position", "position" = "excluded"."position", "record" = "excluded"."record";
