-- $1 text
-- $2 bigint
-- $3 bigint
select "record", "engaged_position"
from "stop"
where (teams = '{}'
  or $1 = any(teams))
  and "engaged_position" is not null
  and "released_position" is null
  and "engaged_position" < $2
order by "engaged_position" desc
limit $3;
