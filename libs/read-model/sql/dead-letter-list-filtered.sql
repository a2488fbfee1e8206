-- $1 text
-- $2 text
-- $3 bigint
select "view"
from "dead_letter"
where "status" = $1
  and "consumer" = $2
order by "recorded_position" desc
limit $3;
