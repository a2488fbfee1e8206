-- $1 uuid[]
select "view", "submitted_position"
from "evaluation"
where id = any($1::uuid[]);
