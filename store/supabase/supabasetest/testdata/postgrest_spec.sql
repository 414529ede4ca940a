-- The tables and functions of TestPostgRESTSpec. They have the structure that PostgREST's specification gives them, as
-- far as its cases here touch them. They are in schemas of their own. To run the test against a project, run this in
-- its SQL editor, and add postgrest_spec and postgrest_spec_2 to the exposed schemas (Project Settings, Data API). To
-- be rid of them:
--   drop schema postgrest_spec, postgrest_spec_2, postgrest_spec_hidden cascade;

create schema postgrest_spec;
create schema postgrest_spec_2;
create schema postgrest_spec_hidden;
set search_path = postgrest_spec;

create table items (id bigserial primary key);
create table items2 (id bigserial primary key);
create table items3 (id bigserial primary key);
create function always_true(items) returns boolean language sql immutable as 'select true';
create function is_first(items) returns boolean language sql immutable as 'select $1.id = 1';
create function anti_id(items) returns bigint language sql immutable as 'select -$1.id';
create function computed_overload(items) returns boolean language sql immutable as 'select true';
create function computed_overload(items2) returns boolean language sql immutable as 'select true';
create function postgrest_spec_hidden.always_false(items) returns boolean language sql immutable as 'select false';

create table has_count_column (count integer);
create table clashing_column (t text);
create table no_pk (a text, b text);
create table nullable_integer (a integer);
create table chores (id integer primary key, name text, done boolean);
create table simple_pk (k varchar primary key, extra varchar not null);
create table simple_pk2 (k varchar primary key, extra varchar not null);
create table compound_pk (k1 integer, k2 text, extra integer, primary key (k1, k2));
create view compound_pk_view as select * from compound_pk;
create table "withUnique" (uni text unique, extra text);
create table empty_table (k text primary key, extra integer);
create table empty_string (id integer primary key, string text);
create table articles (id integer primary key, body text, owner text not null default 'nobody');
create table addresses (id integer primary key, address text not null);
create table projects (id integer primary key, name text not null, client_id integer);
create table organizations (id integer primary key, name text, referee integer, auditor integer, manager_id integer);
create table complex_items (id bigint primary key, name text, settings json, arr_data integer[],
	"field-with_sep" integer not null default 1);
create table oid_test (id integer primary key, oid_col oid, oid_array_col oid[]);
create type enum_menagerie as enum ('foo', 'bar');
create table menagerie ("integer" integer primary key, double double precision not null, varchar varchar not null,
	boolean boolean not null, date date not null, money money not null, enum enum_menagerie not null);
create table items_with_different_col_types (int_data integer, text_data text, bool_data boolean, bin_data bytea,
	char_data varchar, date_data date, real_data real, time_data time);
create table w_or_wo_comma_names (n serial, name text);
create table "Escap3e;" ("so6meIdColumn" integer primary key);
create table "ghostBusters" ("escapeId" integer primary key);
create table bitchar_with_length (bit bit(5), char char(5));
create table datarep_todos (id integer primary key, name text, label_color integer, due_at timestamptz);
create view datarep_todos_computed as select id, name, label_color, due_at, label_color / 2 as dark_color
	from datarep_todos;

create table tiobe_pls (name text primary key, rank smallint);
create table employees (first_name text, last_name text, salary integer, company text, occupation text,
	primary key (first_name, last_name));
create table car_models (name text not null, year integer not null, car_brand_name text, primary key (name, year))
	partition by list (year);
create table car_models_2021 partition of car_models for values in (2021);
create table car_models_default partition of car_models default;
create table single_unique (unique_key integer unique not null, value text);
create table compound_unique (key1 integer not null, key2 integer not null, value text, unique (key1, key2));
create table only_pk (id integer primary key);
create table "UnitTest" ("idUnitTest" integer primary key, "nameUnitTest" text);

create table json_table (data json);
create table tbl_w_json (id integer, data json);
create table json_arr (id integer primary key, data json);
create table jsonb_test (id integer primary key, data jsonb);
create table entities (id integer primary key, name text, arr integer[]);
create table grandchild_entities (id integer primary key, name text, or_starting_col text, and_starting_col text,
	jsonb_col jsonb);

create table insertonly (v text not null);
create table app_users (id integer primary key, email text unique, password text not null);
create table article_stars (article_id integer, user_id integer, created_at timestamptz default now(),
	primary key (article_id, user_id));
create view limited_article_stars as select article_id, user_id, created_at from article_stars;

create view bad_subquery as select * from items where id = (select id from items);
create view infinite_recursion as select 1 as a;
create or replace view infinite_recursion as select a from infinite_recursion;
create table infinite_inserts (id integer, name text);
create function infinite_inserts() returns trigger language plpgsql as $$
	begin
		insert into postgrest_spec.infinite_inserts values (new.id, new.name);
		return new;
	end $$;
create trigger infinite_inserts before insert on infinite_inserts for each row execute function infinite_inserts();

create table parents (id integer primary key, name text);
create table postgrest_spec_2.parents (id integer primary key, name text);
create table postgrest_spec_2.children (id integer primary key, name text, parent_id integer);
create table postgrest_spec_2.another_table (id integer primary key, another_value text);
create function postgrest_spec_2.get_parents_below(id integer) returns setof postgrest_spec_2.parents
	language sql stable as 'select * from postgrest_spec_2.parents p where p.id < $1';

create function getitemrange(min bigint, max bigint) returns setof items language sql stable
	as 'select * from postgrest_spec.items where id > min and id <= max order by id';
create function sayhello(name text) returns text language sql immutable as 'select ''Hello, '' || name';
create function test_empty_rowset() returns setof integer language sql stable as 'select null::integer where false';
create function ret_void() returns void language sql immutable as '';
create function noparamsproc() returns text language sql immutable
	as 'select ''Return value of no parameters procedure.''';
create function test() returns table (test text, value integer) language sql stable as 'select ''hello'', 1';
create function problem() returns void language plpgsql as 'begin raise ''bad things happened''; end';
create function "assert"() returns void language plpgsql as 'begin assert false, ''bad things happened''; end';
create function unnamed_int_param(integer) returns integer language sql immutable as 'select $1';

-- reset makes the rows what they were. The test calls it before each case that another one may have spoilt.
create function reset() returns integer language plpgsql security definer as $$
begin
	truncate items, items2, items3, no_pk, nullable_integer, chores, simple_pk, simple_pk2, compound_pk, "withUnique",
		empty_table, empty_string, articles, addresses, projects, organizations, complex_items, oid_test, menagerie,
		items_with_different_col_types, w_or_wo_comma_names, "Escap3e;", "ghostBusters", bitchar_with_length,
		datarep_todos, tiobe_pls, employees, car_models, single_unique, compound_unique, only_pk, "UnitTest",
		json_table, tbl_w_json, json_arr, jsonb_test, entities, grandchild_entities, insertonly, app_users,
		article_stars, infinite_inserts, parents, postgrest_spec_2.parents, postgrest_spec_2.children,
		postgrest_spec_2.another_table restart identity;
	insert into items select generate_series(1, 15);
	insert into items2 select generate_series(1, 15);
	insert into items3 select generate_series(1, 15);
	perform setval('items_id_seq', 16, false), setval('items2_id_seq', 20, false), setval('items3_id_seq', 20, false);
	insert into no_pk values (null, null), ('1', '0'), ('2', '0');
	insert into nullable_integer values (null);
	insert into chores values (1, 'take out the garbage', true), (2, 'do the laundry', false),
		(3, 'wash the dishes', null);
	insert into simple_pk values ('xyyx', 'u'), ('xYYx', 'v');
	insert into "withUnique" values ('nodup', 'u');
	insert into empty_string values (1, ''), (2, 'full');
	insert into articles values (1, 'No one needs a plan'), (2, 'brain'), (3, 'third');
	insert into addresses select i, 'address ' || i from generate_series(1, 4) i;
	insert into projects values (1, 'Windows 7', 1), (2, 'Windows 10', 1), (3, 'IOS', 2), (4, 'OSX', 2),
		(5, 'Orphan', null);
	insert into complex_items select i, n, '{"foo":{"int":1,"bar":"baz"}}', (array[1, 2, 3])[1:i], i
		from unnest(array['One', 'Two', 'Three']) with ordinality as u (n, i);
	insert into oid_test values (1, 12345, '{1,2,3,4,5}');
	insert into items_with_different_col_types values (1);
	insert into w_or_wo_comma_names (name) values ('Hebdon, John'), ('Williams, Mary'), ('Smith, Joseph'),
		('David White'), ('Larry Thompson'), ('Double O Seven(007)'), ('"'), ('Double"Quote"McGraw"'), ('\'),
		('/\Slash/\Beast/\');
	insert into "Escap3e;" select generate_series(1, 5);
	insert into "ghostBusters" values (1), (3), (5);
	insert into bitchar_with_length values ('00000', 'aaaaa'), ('11111', 'bbbbb');
	insert into datarep_todos values (1, 'Report', 0, '2018-01-02'), (2, 'Essay', 256, '2018-01-03');

	insert into tiobe_pls values ('Java', 1), ('C', 2), ('Python', 4);
	insert into employees values ('Frances M.', 'Roe', 24000, 'One-Up Realty', 'Author'),
		('Daniel B.', 'Lyon', 36000, 'Dubrow''s Cafeteria', 'Packer'),
		('Edwin S.', 'Smith', 48000, 'Pro Garden Management', 'Marine biologist');
	insert into car_models values ('DeLorean', 1981, 'DMC'), ('F310-B', 1997, 'Ferrari'),
		('Veneno', 2013, 'Lamborghini'), ('Murcielago', 2001, 'Lamborghini');
	insert into single_unique values (1, 'A');
	insert into compound_unique values (1, 1, 'A');
	insert into only_pk values (1), (2);
	insert into "UnitTest" values (1, 'unit test 1');

	insert into json_table values ('{"id":1,"foo":{"bar":"baz"}}'), ('{"id":3}'), ('{"id":0}');
	insert into json_arr values (1, '[1,2,3]'), (2, '[4,5,6]'), (3, '[[9,8,7],[11,12,13]]'), (4, '[[[5,6],7,8]]'),
		(5, '[{"a":"A"},{"b":"B"}]'), (6, '[{"a":[1,2,3]},{"b":[4,5]}]'), (7, '{"c":[1,2,3],"d":[4,5,6]}'),
		(8, '{"c":[{"d":[4,5,6,7,8]}]}');
	insert into jsonb_test values (1, '{"a":{"b":2}}'), (2, '{"c":[1,2,3]}'), (3, '[{"d":"test"}]'), (4, '{"e":1}');
	insert into entities values (1, 'entity 1', '{1}'), (2, 'entity 2', '{1,2}'), (3, 'entity 3', '{1,2,3}'),
		(4, null, null);
	insert into grandchild_entities (id, name, jsonb_col) values (1, 'grandchild entity 1', null),
		(2, 'grandchild entity 2', null), (3, 'grandchild entity 3', null),
		(4, '(grandchild,entity,4)', '{"a":{"b":"foo"}}'), (5, '(grandchild,entity,5)', '{"b":"bar"}');

	insert into app_users values (1, 'test@123.com', 'pass'), (2, 'abc@123.com', 'pass'), (3, 'def@123.com', 'pass');
	insert into article_stars values (1, 1), (1, 2), (1, 3), (2, 3), (3, 2);

	insert into parents values (1, 'parent v1-1'), (2, 'parent v1-2');
	insert into postgrest_spec_2.parents values (3, 'parent v2-3'), (4, 'parent v2-4');
	insert into postgrest_spec_2.children values (1, 'child v2-3', 3);
	insert into postgrest_spec_2.another_table values (5, 'value 5'), (6, 'value 6');
	return 1;
end $$;
alter function reset() set search_path = postgrest_spec, pg_temp;
revoke execute on function reset() from public;

grant usage on schema postgrest_spec, postgrest_spec_2, postgrest_spec_hidden to service_role;
grant all on all tables in schema postgrest_spec, postgrest_spec_2 to service_role;
grant all on all sequences in schema postgrest_spec to service_role;
grant execute on function reset() to service_role;
revoke all on insertonly, app_users, article_stars, limited_article_stars from service_role;
grant insert on insertonly to service_role;
grant insert, update, delete, select (id, email) on app_users to service_role;
grant insert, update, delete, select (article_id, user_id) on limited_article_stars to service_role;

reset search_path;
notify pgrst, 'reload schema';
