-- $1 text
-- $2 text
-- $3 text
-- $4 text
-- $5 text
-- $6 uuid
-- $7 text
-- $8 uuid
-- $9 bigint
-- $10 bigint
-- $11 bigint
select "position", "id", "type", "subject", "time", "actor", "team", "evaluation_id", "trial_id"
from "logged_event"
where ("team" = $1
  or ("evaluation_id" is null
  and starts_with(subject, 'crucible.events.platform.'))
  or ("team" is null
  and ("subject" = $2
  or exists (select "evaluation"."id"
from "evaluation"
where "evaluation"."id" = "logged_event"."evaluation_id"
  and "evaluation"."team" = $3))))
  and "type" = $4
  and "actor" = $5
  and "evaluation_id" = $6
  and "trial_id" = $7
  and "id" = $8
  and "position" > $9
  and "position" < $10
order by "position" desc
limit $11;
