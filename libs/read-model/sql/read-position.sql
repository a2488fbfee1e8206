-- $1 text
select "position"
from "projection"
where "name" = $1;
