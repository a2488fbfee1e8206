-- $1 text
-- $2 bigint
-- $3 bigint
select "view", "raised_position"
from "alert"
where "team" = $1
  and "acknowledged_position" is null
  and "raised_position" < $2
order by "raised_position" desc
limit $3;
