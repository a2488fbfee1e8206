# A small database in a file: tables, a join, a transaction that is taken back.
import sqlite3

with sqlite3.connect("shop.db") as shop:
    shop.executescript("create table item(id integer primary key, name text); create table sale(item int, pieces int);")
    shop.executemany("insert into item(name) values (?)", [("apple",), ("pear",), ("plum",)])
    shop.executemany("insert into sale values (?, ?)", [(1 + n % 3, n) for n in range(300)])
    shop.commit()
    print(shop.execute("select name, sum(pieces) from item join sale on item.id = sale.item group by name order by 2").fetchall())
    shop.execute("delete from sale")
    shop.rollback()
    assert shop.execute("select count(*) from sale").fetchone() == (300,)
    try:
        shop.execute("insert into item(id, name) values (1, 'twice')")
    except sqlite3.IntegrityError as refusal:
        print(refusal)
