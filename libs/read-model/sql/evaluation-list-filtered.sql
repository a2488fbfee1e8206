-- $1 text
-- $2 text
-- $3 text
-- $4 text
-- $5 bigint
-- $6 bigint
select "view", "submitted_position"
from "evaluation"
where "team" = $1
  and "status" = $2
  and "suite_name" = $3
  and "subject_model" = $4
  and "submitted_position" < $5
order by "submitted_position" desc
limit $6;
