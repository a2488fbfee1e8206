-- $1 bigint
select "position", "id", "type", "subject", "time", "actor", "team", "evaluation_id", "trial_id"
from "logged_event"
order by "position" desc
limit $1;
