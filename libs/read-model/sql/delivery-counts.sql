select "succeeded", count(*) as "count"
from "delivery"
group by "succeeded";
