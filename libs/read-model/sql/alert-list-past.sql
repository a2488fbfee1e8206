-- $1 text
-- $2 bigint
-- $3 bigint
-- $4 bigint
-- $5 bigint
select "view", "raised_position"
from "alert"
where "team" = $1
  and "raised_position" <= $2
  and ("acknowledged_position" is null
  or "acknowledged_position" > $3)
  and "raised_position" < $4
order by "raised_position" desc
limit $5;
