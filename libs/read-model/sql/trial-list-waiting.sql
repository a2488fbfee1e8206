-- $1 bigint
-- $2 text
-- $3 bigint
select "trial"."view"
from "trial" inner join "evaluation" on "evaluation"."id" = "trial"."evaluation_id"
where "trial"."approvals_waiting" > $1
  and "evaluation"."team" = $2
order by "trial"."position"
limit $3;
