-- $1 boolean
-- $2 text
-- $3 uuid
-- $4 text
-- $5 text[]
-- $6 text
-- $7 text
-- $8 bigint
-- $9 bigint
select "view", "raised_position", exists (select "trial"."id"
from "trial"
where "trial"."evaluation_id" = "alert"."evaluation_id"
  and "trial"."id" = "alert"."trial_id"
  and "trial"."looser_profile" = $1) as "looser_profile"
from "alert"
where "team" = $2
  and "evaluation_id" = $3
  and "trial_id" = $4
  and severity = any($5::text[])
  and "capability" = $6
  and "rule_id" = $7
  and "acknowledged_position" is null
  and "raised_position" < $8
order by "raised_position" desc
limit $9;
