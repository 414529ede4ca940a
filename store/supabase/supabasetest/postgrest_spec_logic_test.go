package supabasetest_test

import "slices"

// andOrParamsSpec is of AndOrParamsSpec.hs, describe "and/or params used for complex boolean logic".
var andOrParamsSpec = slices.Concat(
	in("or param",
		of("can do simple logic", reads("entities?or=(id.eq.1,id.eq.2)&select=id", `[{"id":1},{"id":2}]`, isJSON)),
		of("can be combined with traditional filters",
			reads("entities?or=(id.eq.1,id.eq.2)&name=eq.entity 1&select=id", `[{"id":1}]`, isJSON)),
	),
	in("and/or params combined",
		of("can be nested inside the same expression", reads(
			"entities?or=(and(name.eq.entity 2,id.eq.2),and(name.eq.entity 1,id.eq.1))&select=id",
			`[{"id":1},{"id":2}]`, isJSON)),
		of("can be combined unnested",
			reads("entities?and=(id.eq.1,name.eq.entity 1)&or=(id.eq.1,id.eq.2)&select=id", `[{"id":1}]`, isJSON)),
	),
	in("operators inside and/or",
		of("can handle eq and neq", reads("entities?and=(id.eq.1,id.neq.2))&select=id", `[{"id":1}]`, isJSON)),
		of("can handle lt and gt", reads("entities?or=(id.lt.2,id.gt.3)&select=id", `[{"id":1},{"id":4}]`, isJSON)),
		of("can handle lte and gte", reads("entities?or=(id.lte.2,id.gte.3)&select=id",
			`[{"id":1},{"id":2},{"id":3},{"id":4}]`, isJSON)),
		of("can handle like and ilike",
			reads("entities?or=(name.like.*1,name.ilike.*ENTITY 2)&select=id", `[{"id":1},{"id":2}]`, isJSON)),
		of("can handle in", reads("entities?or=(id.in.(1,2),id.in.(3,4))&select=id",
			`[{"id":1},{"id":2},{"id":3},{"id":4}]`, isJSON)),
		of("can handle is", reads("entities?and=(name.is.null,arr.is.null)&select=id", `[{"id":4}]`, isJSON)),
	),
	in("operators with not",
		of("eq, cs, like can be negated", reads(
			"entities?and=(arr.not.cs.{1,2,3},and(id.not.eq.2,name.not.like.*3))&select=id", `[{"id":1}]`, isJSON)),
		of("gt, lte, ilike can be negated", reads(
			"entities?and=(name.not.ilike.*ITY2,or(id.not.gt.4,id.not.lte.1))&select=id",
			`[{"id":1},{"id":2},{"id":3}]`, isJSON)),
	),
	[]specCase{
		of("allows whitespace", reads(
			"entities?and=( and ( id.in.( 1, 2, 3 ) , id.eq.3 ) , or ( id.eq.2 , id.eq.3 ) )&select=id",
			`[{"id":3}]`, isJSON)),
		of("can query columns that begin with and/or reserved words",
			reads("grandchild_entities?or=(and_starting_col.eq.smth, or_starting_col.eq.smth)", "")),
	},
	in("multiple and/or conditions",
		of("cannot have zero conditions", fails("entities?or=()", 400, refusal("PGRST100",
			`"failed to parse logic tree (())" (line 1, column 4)`,
			`unexpected ")" expecting field name (* or [a..z0..9_$]), negation operator (not) or logic operator `+
				`(and, or)`, ""), isJSON)),
		of("can have a single condition", reads("entities?or=(id.eq.1)&select=id", `[{"id":1}]`, isJSON),
			reads("entities?and=(id.eq.1)&select=id", `[{"id":1}]`, isJSON)),
		of("can have three conditions",
			reads("grandchild_entities?or=(id.eq.1, id.eq.2, id.eq.3)&select=id", `[{"id":1},{"id":2},{"id":3}]`,
				isJSON),
			reads("grandchild_entities?and=(id.in.(1,2), id.in.(3,1), id.in.(1,4))&select=id", `[{"id":1}]`, isJSON)),
	),
	in("used with PATCH",
		of("succeeds when using and/or params", writes(
			"PATCH grandchild_entities?or=(id.eq.1,id.eq.2)&select=id,name", rep,
			`{"name":"updated grandchild entity"}`, 200,
			`[{"id":1,"name":"updated grandchild entity"},{"id":2,"name":"updated grandchild entity"}]`, isJSON)),
		of("succeeds when the filtered column is modified", writes(
			"PATCH entities?select=id,name&or=(name.is.null,name.like.*test*)", rep, `{"name":"updated entity"}`, 200,
			`[{"id":4,"name":"updated entity"}]`, isJSON)),
		of("succeeds when the filtered column is not selected in the returned representation", writes(
			"PATCH entities?select=id&or=(name.is.null,name.like.*test*)", rep, `{"name":"updated entity"}`, 200,
			`[{"id":4}]`, isJSON)),
	),
	in("used with DELETE",
		of("succeeds when using and/or params", writes(
			"DELETE grandchild_entities?or=(id.eq.1,id.eq.2)&select=id,name", rep, "", 200,
			`[{"id":1,"name":"grandchild entity 1"},{"id":2,"name":"grandchild entity 2"}]`)),
		of("succeeds when the filtered column is not selected in the returned representation", writes(
			"DELETE entities?select=id&or=(name.is.null,name.like.*test*)", rep, "", 200, `[{"id":4}]`)),
	),
)

const fooBar = `[{"data":{"id":1,"foo":{"bar":"baz"}}}]`

func arrays(filter, data string) specStep {
	return reads("json_arr?select=data&"+filter, `[{"data":`+data+`}]`, isJSON)
}

// jsonOperatorSpec is of JsonOperatorSpec.hs, describe "json and jsonb operators".
var jsonOperatorSpec = slices.Concat(
	in("filtering response",
		of("can filter by properties inside json column", reads("json_table?data->foo->>bar=eq.baz", fooBar, isJSON),
			reads("json_table?data->foo->>bar=eq.fake", `[]`, isJSON)),
		of("can filter by properties inside json column using not",
			reads("json_table?data->foo->>bar=not.eq.baz", `[]`, isJSON)),
		of("can filter by properties inside json column using ->>", reads("json_table?data->>id=eq.1", fooBar, isJSON)),
		of("can be filtered with and/or", reads(
			"grandchild_entities?or=(jsonb_col->a->>b.eq.foo, jsonb_col->>b.eq.bar)&select=id", `[{"id":4},{"id":5}]`,
			isJSON)),
		of("can filter by array indexes", arrays("data->>0=eq.1", `[1,2,3]`),
			arrays("data->1->>2=eq.13", `[[9,8,7],[11,12,13]]`), arrays("data->1->>b=eq.B", `[{"a":"A"},{"b":"B"}]`),
			arrays("data->1->b->>1=eq.5", `[{"a":[1,2,3]},{"b":[4,5]}]`)),
		of("can filter jsonb",
			reads(`jsonb_test?data=eq.{"e":1}`, `[{"id":4,"data":{"e":1}}]`, isJSON),
			reads(`jsonb_test?data->a=eq.{"b":2}`, `[{"id":1,"data":{"a":{"b":2}}}]`, isJSON),
			reads(`jsonb_test?data->c=eq.[1,2,3]`, `[{"id":2,"data":{"c":[1,2,3]}}]`, isJSON),
			reads(`jsonb_test?data->0=eq.{"d":"test"}`, `[{"id":3,"data":[{"d":"test"}]}]`, isJSON)),
	),
	in("Patching record, in a nonempty table",
		of("can set a json column to escaped value", writes("PATCH json_table?data->>id=eq.3", rep,
			`{"data":{"id":" \"escaped"}}`, 200, `[{"data":{"id":" \"escaped"}}]`)),
	),
	in("json array negative index",
		of("can filter with negative indexes", arrays("data->>-3=eq.1", `[1,2,3]`),
			arrays("data->-1->>-3=eq.11", `[[9,8,7],[11,12,13]]`), arrays("data->-1->>b=eq.B", `[{"a":"A"},{"b":"B"}]`),
			arrays("data->-1->b->>-1=eq.5", `[{"a":[1,2,3]},{"b":[4,5]}]`)),
	),
)
