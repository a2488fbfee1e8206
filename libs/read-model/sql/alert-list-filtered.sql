-- $1 text
-- $2 uuid
-- $3 text
-- $4 text[]
-- $5 text
-- $6 text
-- $7 bigint
-- $8 bigint
select "view", "raised_position", exists (select "trial"."id"
from "trial"
where "trial"."evaluation_id" = "alert"."evaluation_id"
  and "trial"."id" = "alert"."trial_id"
  and json_array_length(trial.view -> 'profile' -> 'looserThanStrict') > 0) as "looser_profile"
from "alert"
where "team" = $1
  and "evaluation_id" = $2
  and "trial_id" = $3
  and severity = any($4::text[])
  and "capability" = $5
  and "rule_id" = $6
  and "acknowledged_position" is null
  and "raised_position" < $7
order by "raised_position" desc
limit $8;
