-- SPDX-License-Identifier: MIT
-- Fifty thousand rows: inserts, indexes, joins, updates, deletes and a vacuum.
create table item (id integer primary key, name text, amount integer);
create table tag (item integer, word text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 50000)
insert into item select i, printf('item %d', i * 7919 % 50021), i * 31 % 997 from n;
insert into tag select id, 'word ' || (amount % 50) from item where id % 2;
create index item_name on item (name);
create index tag_word on tag (word);
select count(*), sum(amount), min(name), max(name) from item;
select word, count(*), sum(amount) from tag join item on item = id
  group by word order by 2 desc, 1 limit 10;
update item set name = name || ' ' || hex(zeroblob(amount % 60)) where amount % 3 = 0;
delete from item where id % 5 = 0;
select count(*), sum(length(name)) from item;
select name from item where name like 'item 49%' order by name limit 5;
vacuum;
pragma integrity_check;
select group_concat(amount) from (select amount from item order by name limit 40);
