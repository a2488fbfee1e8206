-- $1 text
-- $2 text
-- $3 text
-- $4 text
-- $5 text
-- $6 bigint
select "record"
from "stop"
where "released_position" is null
  and ("scope_kind" = $1
  or ("scope_kind" = $2
  and "scope_of" = $3)
  or ("scope_kind" = $4
  and "scope_of" = $5::text))
  and "engaged_position" is not null
order by "engaged_position"
limit $6;
