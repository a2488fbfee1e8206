# Fails as programs do, with a reason that can be read.
def total(rows):
    return sum(row["price"] * row["count"] for row in rows)


print(total([{"price": 2, "count": 3}]))
print(total([{"price": 2, "cuont": 3}]))
