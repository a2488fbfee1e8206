-- $1 text
-- $2 bigint
select "view", "raised_position", exists (select "trial"."id"
from "trial"
where "trial"."evaluation_id" = "alert"."evaluation_id"
  and "trial"."id" = "alert"."trial_id"
  and json_array_length(trial.view -> 'profile' -> 'looserThanStrict') > 0) as "looser_profile"
from "alert"
where "team" = $1
order by "raised_position" desc
limit $2;
