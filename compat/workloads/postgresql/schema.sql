create table item (name text, price int, n int);
insert into item select 'name' || i % 3, i, i % 7 from generate_series(1, 1000) i;
create index on item (name);
create function double(x int) returns int language plpgsql as 'begin return 2 * x; end';
select double(21);
