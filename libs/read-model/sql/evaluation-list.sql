-- $1 text
-- $2 bigint
select "view", "submitted_position"
from "evaluation"
where "team" = $1
order by "submitted_position" desc
limit $2;
