-- $1 text
-- $2 bigint
insert into "projection" ("name", "position")
values ($1, $2)
on conflict ("name") do nothing;
