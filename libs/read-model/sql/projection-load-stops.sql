-- $1 uuid[]
select "record", "teams"
from "stop"
where id = any($1::uuid[]);
