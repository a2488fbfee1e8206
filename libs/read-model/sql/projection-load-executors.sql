-- $1 text[]
select "view", "position"
from "executor"
where id = any($1::text[]);
