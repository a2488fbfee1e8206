-- $1 uuid
-- $2 text
select "view", exists (select "trial"."id"
from "trial"
where "trial"."evaluation_id" = "alert"."evaluation_id"
  and "trial"."id" = "alert"."trial_id"
  and json_array_length(trial.view -> 'profile' -> 'looserThanStrict') > 0) as "looser_profile"
from "alert"
where "id" = $1
  and "team" = $2;
