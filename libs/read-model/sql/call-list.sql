-- $1 uuid
-- $2 text
-- $3 bigint
-- $4 bigint
select "view"
from "trial_call"
where "evaluation_id" = $1
  and "trial_id" = $2
  and "position" > $3
order by "position"
limit $4;
