-- $1 text
-- $2 bigint
select "position", "id", "type", "subject", "time", "actor", "team", "evaluation_id", "trial_id"
from "logged_event"
where "type" like $1
order by "position" desc
limit $2;
