-- $1 uuid[]
-- $2 text[]
select "view"
from "trial"
where (evaluation_id, id) in (select *
from unnest($1::uuid[], $2::text[]));
