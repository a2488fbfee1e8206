-- $1 boolean
-- $2 text
-- $3 bigint
select "view", "raised_position", exists (select "trial"."id"
from "trial"
where "trial"."evaluation_id" = "alert"."evaluation_id"
  and "trial"."id" = "alert"."trial_id"
  and "trial"."looser_profile" = $1) as "looser_profile"
from "alert"
where "team" = $2
order by "raised_position" desc
limit $3;
