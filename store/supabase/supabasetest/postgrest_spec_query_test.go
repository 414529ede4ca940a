package supabasetest_test

import "slices"

const (
	takeOut   = `{"id":1,"name":"take out the garbage","done":true}`
	doLaundry = `{"id":2,"name":"do the laundry","done":false}`
	washing   = `{"id":3,"name":"wash the dishes","done":null}`

	allItems = `[{"id":1},{"id":2},{"id":3},{"id":4},{"id":5},{"id":6},{"id":7},{"id":8},{"id":9},{"id":10},` +
		`{"id":11},{"id":12},{"id":13},{"id":14},{"id":15}]`
	someText = `[{"a":"1","b":"0"},{"a":"2","b":"0"}]`
	nullText = `[{"a":null,"b":null}]`
)

// querySpec is of QuerySpec.hs.
var querySpec = slices.Concat(filterSpec, selectSpec, orderSpec, inSpec,
	[]specCase{
		of("should not confuse count column with pg_catalog.count aggregate", reads("has_count_column", "")),
		of("should not conflict with internal postgrest table alias", reads("clashing_column?select=t", "")),
		of("Querying a nonexistent table: causes a 404", fails("faketable", 404, noTable("faketable"))),
	},
	in("Accept headers",
		of("should respond an unknown accept type with 406", fails("simple_pk", 406,
			refusal("PGRST107", "None of these media types are available: text/unknowntype", "", ""), isJSON,
			"Content-Length: 116").with("Accept: text/unknowntype")),
		of("should respond correctly to */* in accept header", reads("simple_pk", "").with("Accept: */*")),
		of("*/* should rescue an unknown type", reads("simple_pk", "").with("Accept: text/unknowntype, */*")),
	),
	in("weird requests",
		of("can query as normal",
			reads("Escap3e;", `[{"so6meIdColumn":1},{"so6meIdColumn":2},{"so6meIdColumn":3},{"so6meIdColumn":4},
				{"so6meIdColumn":5}]`, isJSON),
			reads("ghostBusters", `[{"escapeId":1},{"escapeId":3},{"escapeId":5}]`, isJSON)),
		of("fails if an operator is not given", fails("ghostBusters?id=0", 400, refusal("PGRST100",
			`"failed to parse filter (0)" (line 1, column 1)`,
			`unexpected "0" expecting "not" or operator (eq, gt, ...)`, ""), isJSON)),
	),
	in("Data representations for customisable value formatting and parsing",
		of("fails in some reasonable way when selecting fields that don't exist", fails(
			"datarep_todos?select=id,label_color,banana", 400,
			refusal("42703", "column datarep_todos.banana does not exist", "", ""), isJSON, "Content-Length: 98")).
			but("the columns have no representations"),
		of("in the absense of text parser, does not try to use the JSON parser for query parameters", fails(
			"datarep_todos?select=id,due_at&due_at=eq.Z", 400, refusal("22007",
				`invalid input syntax for type timestamp with time zone: "Z"`, "", ""), isJSON, "Content-Length: 117")).
			but("the columns have no representations"),
	),
	in("searching for an empty string",
		of("works with an empty eq filter",
			reads("empty_string?string=eq.&select=id,string", `[{"id":1,"string":""}]`, isJSON)),
	),
	in("test infinite recursion error 42P17",
		of("return http status 500", fails("infinite_recursion?select=*", 500, refusal("42P17",
			`infinite recursion detected in rules for relation "infinite_recursion"`, "", ""), "Content-Length: 128")),
	),
	in("invalid resource path",
		of("return http status 404", fails("first/second/third?select=*", 404,
			refusal("PGRST125", "Invalid path specified in request URL", "", ""), "Content-Length: 96")),
	),
)

var filterSpec = in("Filtering response",
	of("matches with equality", reads("items?id=eq.5", `[{"id":5}]`, "Content-Range: 0-0/*", "Content-Length: 10")),
	of("matches with equality using not operator", reads("items?id=not.eq.5&order=id",
		`[{"id":1},{"id":2},{"id":3},{"id":4},{"id":6},{"id":7},{"id":8},{"id":9},{"id":10},{"id":11},{"id":12},
		  {"id":13},{"id":14},{"id":15}]`, "Content-Range: 0-13/*")),
	of("matches with more than one condition using not operator", reads("simple_pk?k=like.*yx&extra=not.eq.u", `[]`)),
	of("matches with inequality using not operator",
		reads("items?id=not.lt.14&order=id.asc", `[{"id":14},{"id":15}]`, "Content-Range: 0-1/*"),
		reads("items?id=not.gt.2&order=id.asc", `[{"id":1},{"id":2}]`, "Content-Range: 0-1/*")),
	of("matches items IN", reads("items?id=in.(1,3,5)", `[{"id":1},{"id":3},{"id":5}]`, "Content-Range: 0-2/*")),
	of("matches items NOT IN using not operator", reads("items?id=not.in.(2,4,6,7,8,9,10,11,12,13,14,15)",
		`[{"id":1},{"id":3},{"id":5}]`, "Content-Range: 0-2/*")),
	of("matches nulls using not operator", reads("no_pk?a=not.is.null", someText, isJSON)),
	of("matches not_null using is operator", reads("no_pk?a=is.not_null", someText, isJSON)),
	of("matches nulls in varchar and numeric fields alike", reads("no_pk?a=is.null", nullText, isJSON)),
	of("not.is.not_null is equivalent to is.null",
		reads("no_pk?a=not.is.not_null", nullText, isJSON), reads("nullable_integer?a=is.null", `[{"a":null}]`)),
	of("matches with trilean values", reads("chores?done=is.true", "["+takeOut+"]", isJSON),
		reads("chores?done=is.false", "["+doLaundry+"]", isJSON),
		reads("chores?done=is.unknown", "["+washing+"]", isJSON)),
	of("matches with null and not_null values in upper or mixed case",
		reads("chores?done=is.NULL", "["+washing+"]", isJSON),
		reads("chores?done=is.NoT_NuLl", "["+takeOut+","+doLaundry+"]", isJSON)),
	of("matches with trilean values in upper or mixed case", reads("chores?done=is.TRUE", "["+takeOut+"]", isJSON),
		reads("chores?done=is.FAlSe", "["+doLaundry+"]", isJSON),
		reads("chores?done=is.UnKnOwN", "["+washing+"]", isJSON)),
	of("fails if 'is' used and there's no null or trilean value",
		fails("chores?done=is.nil", 400, ""), fails("chores?done=is.ok", 400, "")),
	of("matches with like", reads("simple_pk?k=like.*yx", `[{"k":"xyyx","extra":"u"}]`),
		reads("simple_pk?k=like.xy*", `[{"k":"xyyx","extra":"u"}]`),
		reads("simple_pk?k=like.*YY*", `[{"k":"xYYx","extra":"v"}]`)),
	of("matches with like using not operator", reads("simple_pk?k=not.like.*yx", `[{"k":"xYYx","extra":"v"}]`)),
	of("matches with ilike",
		reads("simple_pk?k=ilike.xy*&order=extra.asc", `[{"k":"xyyx","extra":"u"},{"k":"xYYx","extra":"v"}]`, isJSON),
		reads("simple_pk?k=ilike.*YY*&order=extra.asc", `[{"k":"xyyx","extra":"u"},{"k":"xYYx","extra":"v"}]`, isJSON)),
	of("matches with ilike using not operator", reads("simple_pk?k=not.ilike.xy*&order=extra.asc", `[]`)),
	of("matches with computed column", reads("items?always_true=eq.true&order=id.asc", allItems, isJSON)),
	of("order by computed column", reads("items?order=anti_id.desc", allItems, isJSON)),
	of("cannot access a computed column that is outside of the config schema",
		fails("items?always_false=is.false", 400, "")),
	of("matches with cs operator", reads("complex_items?select=id&arr_data=cs.{2}", `[{"id":2},{"id":3}]`, isJSON)),
)

const settings = `{"foo":{"int":1,"bar":"baz"}}`

var selectSpec = slices.Concat(
	in("Shaping response with select parameter",
		of("selectStar works in absense of parameter", reads("complex_items?id=eq.3",
			`[{"id":3,"name":"Three","settings":`+settings+`,"arr_data":[1,2,3],"field-with_sep":3}]`)),
		of("dash `-` in column names is accepted",
			reads("complex_items?id=eq.3&select=id,field-with_sep", `[{"id":3,"field-with_sep":3}]`)),
		of("one simple column", reads("complex_items?select=id", `[{"id":1},{"id":2},{"id":3}]`, isJSON)),
		of("rename simple column", reads("complex_items?id=eq.1&select=myId:id", `[{"myId":1}]`, isJSON)),
		of("one simple column with casting (text)",
			reads("complex_items?select=id::text", `[{"id":"1"},{"id":"2"},{"id":"3"}]`, isJSON)),
		of("rename simple column with casting",
			reads("complex_items?id=eq.1&select=myId:id::text", `[{"myId":"1"}]`, isJSON)),
		of("json column", reads("complex_items?id=eq.1&select=settings", `[{"settings":`+settings+`}]`, isJSON)),
		of("fails on bad casting (wrong cast type)", fails("complex_items?select=id::fakecolumntype", 400,
			refusal("42704", `type "fakecolumntype" does not exist`, "", ""), "Content-Length: 94")),
		of("can cast types with underscore and numbers",
			reads("oid_test?select=id,oid_col::int,oid_array_col::_int4",
				`[{"id":1,"oid_col":12345,"oid_array_col":[1,2,3,4,5]}]`, isJSON)),
	),
	in("computed columns",
		of("computed column on table",
			reads("items?id=eq.1&select=id,always_true", `[{"id":1,"always_true":true}]`, isJSON)),
		of("overloaded computed columns on both tables",
			reads("items?id=eq.1&select=id,computed_overload", `[{"id":1,"computed_overload":true}]`, isJSON),
			reads("items2?id=eq.1&select=id,computed_overload", `[{"id":1,"computed_overload":true}]`, isJSON)),
	),
)

var orderSpec = in("ordering response",
	of("by a column asc", reads("items?id=lte.2&order=id.asc", `[{"id":1},{"id":2}]`, "Content-Range: 0-1/*")),
	of("by a column desc", reads("items?id=lte.2&order=id.desc", `[{"id":2},{"id":1}]`, "Content-Range: 0-1/*")),
	of("by a column with nulls first", reads("no_pk?order=a.nullsfirst",
		`[{"a":null,"b":null},{"a":"1","b":"0"},{"a":"2","b":"0"}]`, "Content-Range: 0-2/*")),
	of("by a column asc with nulls last", reads("no_pk?order=a.asc.nullslast",
		`[{"a":"1","b":"0"},{"a":"2","b":"0"},{"a":null,"b":null}]`, "Content-Range: 0-2/*")),
	of("by a column desc with nulls first", reads("no_pk?order=a.desc.nullsfirst",
		`[{"a":null,"b":null},{"a":"2","b":"0"},{"a":"1","b":"0"}]`, "Content-Range: 0-2/*")),
	of("by a column desc with nulls last", reads("no_pk?order=a.desc.nullslast",
		`[{"a":"2","b":"0"},{"a":"1","b":"0"},{"a":null,"b":null}]`, "Content-Range: 0-2/*")),
	of("by two columns with nulls and direction specified", reads(
		"projects?select=client_id,id,name&order=client_id.desc.nullslast,id.desc",
		`[{"client_id":2,"id":4,"name":"OSX"},{"client_id":2,"id":3,"name":"IOS"},
		  {"client_id":1,"id":2,"name":"Windows 10"},{"client_id":1,"id":1,"name":"Windows 7"},
		  {"client_id":null,"id":5,"name":"Orphan"}]`, "Content-Range: 0-4/*")),
	of("by a column with no direction or nulls specified",
		reads("items?id=lte.2&order=id", `[{"id":1},{"id":2}]`, "Content-Range: 0-1/*")),
	of("without other constraints", reads("items?order=id.asc", "")),
	of("gives meaningful error message on bad syntax", fails("items?order=id.asc.nullslasttt", 400, refusal("PGRST100",
		`"failed to parse order (id.asc.nullslasttt)" (line 1, column 17)`,
		`unexpected 't' expecting "," or end of input`, ""), isJSON, "Content-Length: 169")),
)

// named are rows of w_or_wo_comma_names, the names of which are JSON.
func named(path, names string) specStep {
	return reads("w_or_wo_comma_names?select=name&name="+path, names, isJSON)
}

const withNumbers = "the table has a column more, by which its rows are in order"

var inSpec = slices.Concat(
	in("values with quotes in IN and NOT IN",
		of("succeeds when only quoted values are present",
			named(`in.("Hebdon, John")`, `[{"name":"Hebdon, John"}]`),
			named(`in.("Hebdon, John","Williams, Mary","Smith, Joseph")`,
				`[{"name":"Hebdon, John"},{"name":"Williams, Mary"},{"name":"Smith, Joseph"}]`),
			named(`not.in.("Hebdon, John","Williams, Mary","Smith, Joseph")&order=n&limit=3`,
				`[{"name":"David White"},{"name":"Larry Thompson"},{"name":"Double O Seven(007)"}]`)).but(withNumbers),
		of("succeeds w/ and w/o quoted values",
			named(`in.(David White,"Hebdon, John")`, `[{"name":"Hebdon, John"},{"name":"David White"}]`),
			named(`not.in.("Hebdon, John",Larry Thompson,"Smith, Joseph")&order=n&limit=3`,
				`[{"name":"Williams, Mary"},{"name":"David White"},{"name":"Double O Seven(007)"}]`),
			named(`in.("Double O Seven(007)")`, `[{"name":"Double O Seven(007)"}]`)).but(withNumbers),
		of("escaped chars: accepts escaped double quotes",
			named(`in.("Double\"Quote\"McGraw\"")`, `[{"name":"Double\"Quote\"McGraw\""}]`)),
		of("escaped chars: accepts escaped backslashes", named(`in.("\\")`, `[{"name":"\\"}]`),
			named(`in.("/\\Slash/\\Beast/\\")`, `[{"name":"/\\Slash/\\Beast/\\"}]`)),
		of("escaped chars: passes any escaped char as the same char",
			named(`in.("D\a\vid W\h\ite")`, `[{"name":"David White"}]`)),
	),
	in("IN values without quotes",
		of("accepts single double quotes as values", named(`in.(")`, `[{"name":"\""}]`),
			named(`in.(Double"Quote"McGraw")`, `[{"name":"Double\"Quote\"McGraw\""}]`)),
		of("accepts backslashes as values", named(`in.(\)`, `[{"name":"\\"}]`),
			named(`in.(/\Slash/\Beast/\)`, `[{"name":"/\\Slash/\\Beast/\\"}]`)),
	),
	in("returns an empty result for IN when no value is present",
		of("works for integer", reads("items_with_different_col_types?int_data=in.()", `[]`, isJSON)),
		of("works for text", reads("items_with_different_col_types?text_data=in.()", `[]`, isJSON)),
		of("works for bool", reads("items_with_different_col_types?bool_data=in.()", `[]`, isJSON)),
		of("works for bytea", reads("items_with_different_col_types?bin_data=in.()", `[]`, isJSON)),
		of("works for char", reads("items_with_different_col_types?char_data=in.()", `[]`, isJSON)),
		of("works for date", reads("items_with_different_col_types?date_data=in.()", `[]`, isJSON)),
		of("works for real", reads("items_with_different_col_types?real_data=in.()", `[]`, isJSON)),
		of("works for time", reads("items_with_different_col_types?time_data=in.()", `[]`, isJSON)),
	),
	in("IN and NOT IN empty set",
		of("returns all results for not.in when no value is present",
			reads("items_with_different_col_types?int_data=not.in.()&select=int_data", `[{"int_data":1}]`, isJSON)),
		of("returns an empty result ignoring spaces",
			reads("items_with_different_col_types?int_data=in.(    )", `[]`, isJSON)),
		of("only returns an empty result set if the in value is empty", fails(
			"items_with_different_col_types?int_data=in.( ,3,4)", 400,
			refusal("22P02", `invalid input syntax for type integer: ""`, "", ""), isJSON)),
	),
)
