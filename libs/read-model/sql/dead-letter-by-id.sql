-- $1 uuid
select "view"
from "dead_letter"
where "id" = $1;
