select "view"
from "image_set"
order by "executor_id";
