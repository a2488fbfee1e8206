-- $1 text
-- $2 uuid
-- $3 bigint
-- $4 bigint
select "view", "raised_position", exists (select "trial"."id"
from "trial"
where "trial"."evaluation_id" = "alert"."evaluation_id"
  and "trial"."id" = "alert"."trial_id"
  and json_array_length(trial.view -> 'profile' -> 'looserThanStrict') > 0) as "looser_profile"
from "alert"
where "team" = $1
  and "evaluation_id" = $2
  and "raised_position" < $3
order by "raised_position" desc
limit $4;
