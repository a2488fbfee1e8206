select "view"
from "executor"
order by "id";
