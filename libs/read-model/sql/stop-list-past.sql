-- $1 text
-- $2 bigint
-- $3 bigint
-- $4 bigint
-- $5 bigint
select "record", "engaged_position"
from "stop"
where (teams = '{}'
  or $1 = any(teams))
  and "engaged_position" <= $2
  and ("released_position" is null
  or "released_position" > $3)
  and "engaged_position" < $4
order by "engaged_position" desc
limit $5;
