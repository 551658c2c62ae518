create table item (name text, price int);
with recursive n (i) as (select 1 union all select i + 1 from n where i < 1000)
insert into item select 'name' || (i % 3), i from n;
pragma integrity_check;
