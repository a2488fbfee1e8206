-- $1 text
-- $2 text
-- $3 text
-- $4 bigint
-- $5 bigint
select "view", "submitted_position"
from "evaluation"
where "team" = $1
  and "status" = $2
  and "suite_name" = $3
  and "submitted_position" < $4
order by "submitted_position" desc
limit $5;
