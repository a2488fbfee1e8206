-- $1 uuid
-- $2 text
select "view"
from "trial"
where "evaluation_id" = $1
  and "id" = $2;
