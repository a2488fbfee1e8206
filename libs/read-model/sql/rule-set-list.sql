select "view"
from "rule_set"
order by "executor_id";
