# Reads a table, adds it up, writes it in another form.
import csv
import io
import json
from collections import defaultdict

table = "town,year,people\nUlm,2000,117000\nUlm,2020,126000\nBonn,2000,302000\nBonn,2020,330000\n"
sums = defaultdict(int)
for row in csv.DictReader(io.StringIO(table)):
    sums[row["town"]] += int(row["people"])
text = json.dumps(sums, indent=2, sort_keys=True)
with open("sums.json", "w") as file:
    file.write(text)
assert json.load(open("sums.json")) == {"Bonn": 632000, "Ulm": 243000}
print(text)
