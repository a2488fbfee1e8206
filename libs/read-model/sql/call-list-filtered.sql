-- $1 uuid
-- $2 text
-- $3 bigint
-- $4 text
-- $5 bigint
-- $6 bigint
-- $7 bigint
select "view"
from "trial_call"
where "evaluation_id" = $1
  and "trial_id" = $2
  and "position" > $3
  and "kind" = $4
  and "turn" >= $5
  and "turn" <= $6
order by "position"
limit $7;
