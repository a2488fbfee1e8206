-- $1 boolean
-- $2 uuid
-- $3 text
select "view", exists (select "trial"."id"
from "trial"
where "trial"."evaluation_id" = "alert"."evaluation_id"
  and "trial"."id" = "alert"."trial_id"
  and "trial"."looser_profile" = $1) as "looser_profile"
from "alert"
where "id" = $2
  and "team" = $3;
