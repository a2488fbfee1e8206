-- $1 uuid[]
-- $2 boolean[]
-- $3 bigint[]
insert into "delivery" ("id", "succeeded", "position")
select "id", "succeeded", "position"
from unnest($1::uuid[], $2::boolean[], $3::bigint[]) as row("id", "succeeded", "position")
on conflict ("id") do nothing;
