-- $1 text
-- $2 bigint
-- $3 bigint
-- $4 text
-- $5 text
-- $6 text
-- $7 bigint
-- $8 bigint
select "view", "submitted_position"
from "evaluation"
where "team" = $1
  and "submitted_position" <= $2
  and ("position" > $3
  or "status" = $4)
  and "suite_name" = $5
  and "subject_model" = $6
  and "submitted_position" < $7
order by "submitted_position" desc
limit $8;
