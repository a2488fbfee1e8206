-- $1 text
-- $2 uuid
-- $3 bigint
-- $4 bigint
select "view", "raised_position"
from "alert"
where "team" = $1
  and "evaluation_id" = $2
  and "raised_position" < $3
order by "raised_position" desc
limit $4;
