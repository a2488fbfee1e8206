-- $1 boolean
-- $2 text
-- $3 bigint
-- $4 bigint
select "view", "raised_position", exists (select "trial"."id"
from "trial"
where "trial"."evaluation_id" = "alert"."evaluation_id"
  and "trial"."id" = "alert"."trial_id"
  and "trial"."looser_profile" = $1) as "looser_profile"
from "alert"
where "team" = $2
  and "acknowledged_position" is null
  and "raised_position" < $3
order by "raised_position" desc
limit $4;
