-- $1 uuid
-- $2 text
select "view"
from "alert"
where "id" = $1
  and "team" = $2;
