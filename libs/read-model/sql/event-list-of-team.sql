-- $1 text
-- $2 text
-- $3 text
-- $4 text
-- $5 bigint
select "position", "id", "type", "subject", "time", "actor", "team", "evaluation_id", "trial_id"
from "logged_event"
where (("stop_id" is null
  and ("team" = $1
  or ("evaluation_id" is null
  and starts_with(subject, 'crucible.events.platform.'))
  or ("team" is null
  and ("subject" = $2
  or exists (select "evaluation"."id"
from "evaluation"
where "evaluation"."id" = "logged_event"."evaluation_id"
  and "evaluation"."team" = $3)))))
  or exists (select "stop"."id"
from "stop"
where "stop"."id" = "logged_event"."stop_id"
  and "stop"."engaged_position" <= "logged_event"."position"
  and (teams = '{}'
  or $4 = any(teams))))
order by "position" desc
limit $5;
