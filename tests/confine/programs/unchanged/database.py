"""Make a database, which its journal in shared memory then accompanies."""

import sqlite3

database = sqlite3.connect("d")
database.execute("create table t(a)")
database.commit()
print(database.execute("pragma journal_mode=wal").fetchall())
