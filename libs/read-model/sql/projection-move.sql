-- $1 bigint
-- $2 text
update "projection" set "position" = $1
where "name" = $2;
