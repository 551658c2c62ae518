# initdb finds postgres beside itself; the server forks a process for each connection.
set -eu
export PGHOST=/srv/home PGDATABASE=postgres
start initdb -D data -U compat --no-sync -A trust >/dev/null
start pg_ctl -D data -w -l log -o '-h "" -k /srv/home' start >/dev/null
start createdb shop
start psql -q -d shop -f schema.sql
start psql -d shop -At -c 'select name, sum(price * n) from item group by name order by name'
start pg_dump -d shop --data-only --table item | grep -c '^name'
start psql -At -c 'select count(*) >= 5 from pg_stat_activity'
start pg_ctl -D data reload >/dev/null
start pg_ctl -D data -w restart >/dev/null
start psql -d shop -At -c 'select count(*) from item'
start vacuumdb -q shop
start pg_ctl -D data -w -m fast stop >/dev/null
start postgres -D data -C shared_buffers
start postgres --single -D data postgres <single.sql 2>log | grep -c 'backend>'
