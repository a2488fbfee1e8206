select "view"
from "model_set"
order by "executor_id";
