-- $1 text
-- $2 bigint
select "view", "raised_position"
from "alert"
where "team" = $1
order by "raised_position" desc
limit $2;
