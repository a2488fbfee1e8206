-- $1 text
-- $2 bigint
-- $3 bigint
-- $4 text
-- $5 text
-- $6 bigint
-- $7 bigint
select "view", "submitted_position"
from "evaluation"
where "team" = $1
  and "submitted_position" <= $2
  and ("position" > $3
  or "status" = $4)
  and "suite_name" = $5
  and "submitted_position" < $6
order by "submitted_position" desc
limit $7;
