-- $1 uuid[]
select "view", "position"
from "dead_letter"
where id = any($1::uuid[]);
