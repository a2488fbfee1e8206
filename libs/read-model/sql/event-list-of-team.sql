-- $1 text
-- $2 text
-- $3 text
-- $4 bigint
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
order by "position" desc
limit $4;
