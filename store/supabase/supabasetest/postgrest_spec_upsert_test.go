package supabasetest_test

import "slices"

const (
	rep   = "return=representation"
	merge = rep + ",resolution=merge-duplicates"

	merged      = "Preference-Applied: resolution=merge-duplicates, return=representation"
	represented = "Preference-Applied: return=representation"
	minimally   = "Preference-Applied: return=minimal"
)

// upsertSpec is of UpsertSpec.hs, describe "UPSERT".
var upsertSpec = slices.Concat(
	in("when Prefer: resolution=merge-duplicates is specified",
		of("INSERTs and UPDATEs rows on pk conflict", writes("POST tiobe_pls", merge,
			`[{"name":"Javascript","rank":6},{"name":"Java","rank":2},{"name":"C","rank":1}]`, 201,
			`[{"name":"Javascript","rank":6},{"name":"Java","rank":2},{"name":"C","rank":1}]`, merged, isJSON)),
		of("UPDATEs rows on pk conflict", writes("POST tiobe_pls", merge,
			`[{"name":"Python","rank":6},{"name":"Java","rank":2},{"name":"C","rank":1}]`, 200,
			`[{"name":"Python","rank":6},{"name":"Java","rank":2},{"name":"C","rank":1}]`, merged, isJSON)),
		of("INSERTs and UPDATEs row on composite pk conflict", writes("POST employees", merge,
			`[{"first_name":"Frances M.","last_name":"Roe","salary":"30000"},
			  {"first_name":"Peter S.","last_name":"Yang","salary":42000}]`, 201,
			`[{"first_name":"Frances M.","last_name":"Roe","salary":30000,"company":"One-Up Realty",
			   "occupation":"Author"},
			  {"first_name":"Peter S.","last_name":"Yang","salary":42000,"company":null,"occupation":null}]`,
			merged, isJSON)).
			but("salary is an integer: how money is written depends on a setting of the database"),
		of("INSERTs and UPDATEs rows on composite pk conflict for partitioned tables", writes("POST car_models", merge,
			`[{"name":"Murcielago","year":2001,"car_brand_name":null},
			  {"name":"Roma","year":2021,"car_brand_name":"Ferrari"}]`, 201,
			`[{"name":"Murcielago","year":2001,"car_brand_name":null},
			  {"name":"Roma","year":2021,"car_brand_name":"Ferrari"}]`, merged, isJSON)),
		of("succeeds when the payload has no elements", writes("POST articles", merge, `[]`, 200, `[]`, isJSON)),
		of("INSERTs and UPDATEs rows on single unique key conflict", writes(
			"POST single_unique?on_conflict=unique_key", merge,
			`[{"unique_key":1,"value":"B"},{"unique_key":2,"value":"C"}]`, 201,
			`[{"unique_key":1,"value":"B"},{"unique_key":2,"value":"C"}]`, merged, isJSON)),
		of("INSERTs and UPDATEs rows on compound unique keys conflict", writes(
			"POST compound_unique?on_conflict=key1,key2", merge,
			`[{"key1":1,"key2":1,"value":"B"},{"key1":1,"key2":2,"value":"C"}]`, 201,
			`[{"key1":1,"key2":1,"value":"B"},{"key1":1,"key2":2,"value":"C"}]`, merged, isJSON)),
		of("succeeds if the table has only PK cols and no other cols", writes("POST only_pk", merge,
			`[{"id":1},{"id":2},{"id":4}]`, 201, `[{"id":1},{"id":2},{"id":4}]`, merged, isJSON)),
		of("succeeds and ignores the Prefer: resolution header(no Preference-Applied present) if the table has no PK",
			writes("POST no_pk", merge, `[{"a":"1","b":"0"}]`, 201, `[{"a":"1","b":"0"}]`, isJSON, represented)),
	),
	in("with a camel case pk column",
		of("works with POST and merge-duplicates", writes("POST UnitTest", merge,
			`[{"idUnitTest":1,"nameUnitTest":"name of unittest 1"},
			  {"idUnitTest":2,"nameUnitTest":"name of unittest 2"}]`, 201,
			`[{"idUnitTest":1,"nameUnitTest":"name of unittest 1"},
			  {"idUnitTest":2,"nameUnitTest":"name of unittest 2"}]`, merged)),
	),
)

// queryLimitedSpec is of QueryLimitedSpec.hs, describe "Requesting many items with server limits(max-rows) enabled".
var queryLimitedSpec = slices.Concat(
	[]specCase{
		of("restricts results",
			reads("items?order=id", `[{"id":1},{"id":2}]`, "Content-Range: 0-1/*")).limited(2),
		of("respects additional client limiting",
			reads("items", `[{"id":1}]`, "Content-Range: 0-0/*").with("Range-Unit: items", "Range: 0-0")).limited(2),
	},
	in("max-rows=2 on mutations",
		of("doesn't affect insertions", writes("POST projects?select=id,name", rep,
			`[{"id":6,"name":"BeOS"},{"id":7,"name":"PopOS"},{"id":8,"name":"HaikuOS"}]`, 201,
			`[{"id":6,"name":"BeOS"},{"id":7,"name":"PopOS"},{"id":8,"name":"HaikuOS"}]`)).limited(2),
		of("doesn't affect updates(2 rows would be modified if it did)", writes(
			"PATCH employees?salary=gt.0&select=first_name,last_name,occupation", rep, `{"occupation":"Barista"}`, 200,
			`[{"first_name":"Frances M.","last_name":"Roe","occupation":"Barista"},
			  {"first_name":"Daniel B.","last_name":"Lyon","occupation":"Barista"},
			  {"first_name":"Edwin S.","last_name":"Smith","occupation":"Barista"}]`)).limited(2).
			but("it has a filter, without which Supabase refuses a PATCH; it has no order, and an object instead of "+
				"an array of one"),
		of("doesn't affect deletions", writes("DELETE employees?salary=gt.0&select=first_name,last_name", rep, "", 200,
			`[{"first_name":"Frances M.","last_name":"Roe"},{"first_name":"Daniel B.","last_name":"Lyon"},
			  {"first_name":"Edwin S.","last_name":"Smith"}]`)).limited(2).
			but("it has a filter, without which Supabase refuses a DELETE; it has no order"),
	),
	in("max-rows is set and limits are requested",
		of("should work with limit 0", reads("items?limit=0", `[]`, "Content-Range: */*")).limited(2),
	),
)

const single = "Accept: application/vnd.pgrst.object+json"

func notSingle(rows string) string {
	return refusal("PGRST116", "Cannot coerce the result to a single JSON object",
		"The result contains "+rows+" rows", "")
}

const noOverride = "it does not ask for the end of the transaction, which Supabase does not allow"

// singularSpec is of SingularSpec.hs, describe "Requesting singular json object".
var singularSpec = in("when creating rows",
	of("works for one row with return=minimal", writes("POST addresses", "return=minimal",
		`[{"id":103,"address":"xxx"}]`, 201, noBody, noType, "Content-Range: */*", minimally).with(single)),
	of("raises an error when attempting to create multiple entities",
		writes("POST addresses", "", `[{"id":200,"address":"xxx"},{"id":201,"address":"yyy"}]`, 406, notSingle("2"),
			isJSON).with(single),
		reads("addresses?id=eq.200", `[]`)).but(noOverride),
	of("raises an error when attempting to create multiple entities with return=rep",
		writes("POST addresses", rep, `[{"id":202,"address":"xxx"},{"id":203,"address":"yyy"}]`, 406, notSingle("2"),
			isJSON).with(single),
		reads("addresses?id=eq.202", `[]`)).but(noOverride),
	of("raises an error regardless of return=minimal",
		writes("POST addresses", "return=minimal", `[{"id":204,"address":"xxx"},{"id":205,"address":"yyy"}]`, 406,
			notSingle("2"), isJSON).with(single),
		reads("addresses?id=eq.204", `[]`)).but(noOverride),
	of("raises an error when creating zero entities",
		writes("POST addresses", "", `[]`, 406, notSingle("0"), isJSON).with(single)),
	of("raises an error when creating zero entities with return=rep",
		writes("POST addresses", rep, `[]`, 406, notSingle("0"), isJSON).with(single)),
)

// handlingSpec is of Preferences/HandlingSpec.hs.
var handlingSpec = in("check behaviour of Prefer: handling=lenient",
	of("does not throw error when handling=lenient and invalid prefs",
		reads("items", "").with("Prefer: handling=lenient, anything")),
	of("does not throw error when handling=lenient and invalid prefs in multiples prefers",
		reads("items", "").with("Prefer: handling=lenient, anything")).but("the two preferences are in one header"),
	of("does not throw error with post request", writes("POST organizations?select=*",
		"return=representation, handling=lenient, anything",
		`{"id":7,"name":"John","referee":null,"auditor":null,"manager_id":6}`, 201,
		`[{"id":7,"name":"John","referee":null,"auditor":null,"manager_id":6}]`, isJSON)),
)
