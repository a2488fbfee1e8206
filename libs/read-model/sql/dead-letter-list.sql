-- $1 bigint
select "view"
from "dead_letter"
order by "recorded_position" desc
limit $1;
