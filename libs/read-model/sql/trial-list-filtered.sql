-- $1 uuid
-- $2 text
-- $3 text
-- $4 text
-- $5 text
-- $6 text
-- $7 boolean
-- $8 bigint
-- $9 bigint
-- $10 bigint
-- $11 bigint
select "view", "sample_index", "epoch", "attempt"
from "trial"
where "evaluation_id" = $1
  and "status" = $2
  and "outcome" = $3
  and "reason" = $4
  and "verdict" = $5
  and $6 = any(limits_hit)
  and "latest" = $7
  and (sample_index, epoch, attempt) > ($8, $9, $10)
order by "sample_index", "epoch", "attempt"
limit $11;
