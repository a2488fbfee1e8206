-- $1 uuid
-- $2 bigint
select "view", "sample_index", "epoch", "attempt"
from "trial"
where "evaluation_id" = $1
order by "sample_index", "epoch", "attempt"
limit $2;
