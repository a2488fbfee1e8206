-- $1 text
-- $2 bigint
select "record", "engaged_position"
from "stop"
where (teams = '{}'
  or $1 = any(teams))
  and "engaged_position" is not null
order by "engaged_position" desc
limit $2;
