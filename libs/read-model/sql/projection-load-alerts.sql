-- $1 uuid[]
select "view"
from "alert"
where id = any($1::uuid[]);
