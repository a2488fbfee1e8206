-- $1 uuid
-- $2 text
select "view"
from "evaluation"
where "id" = $1
  and "team" = $2;
