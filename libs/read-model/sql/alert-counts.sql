-- $1 text
select "severity", count(*) as "count"
from "alert"
where "team" = $1
  and "acknowledged_position" is null
group by "severity";
