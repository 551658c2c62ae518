set -eu
start sqlite3 shop.db <schema.sql
start sqlite3 -csv shop.db 'select name, sum(price) from item group by name order by name'
start sqlite3 shop.db .dump | wc -l
start sqlite3 shop.db '.shell echo from a shell'
start sqlite3 shop.db 'select missing' 2>/dev/null || echo "exited with $?"
