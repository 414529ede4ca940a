package supabasetest_test

import "slices"

func noToken(code, message, details string) string { return refusal(code, message, details, "") }

// withToken asks for a table with this token.
func withToken(token, answer string, want ...string) specStep {
	return fails("items", 401, answer, want...).with("Authorization: Bearer " + token)
}

// errorSpec is of ErrorSpec.hs.
var errorSpec = slices.Concat(
	in("Test PostgreSQL and PostgREST errors",
		of("should return 500 for cardinality_violation", fails("bad_subquery", 500, "")),
		of("should return 500 for statement too complex", writes("POST infinite_inserts", "", `{"id":3,"name":"qwer"}`,
			500, refusal("54001", "stack depth limit exceeded", "", `Increase the configuration parameter `+
				`"max_stack_depth" (currently 2048kB), after ensuring the platform's stack depth limit is adequate.`),
			"Content-Length: 217")),
	),
	in("includes the proxy-status header on the response",
		of("works with ApiRequest error", fails("invalid/nested/paths", 404,
			refusal("PGRST125", "Invalid path specified in request URL", "", ""),
			"Proxy-Status: PostgREST; error=PGRST125", "Content-Length: 96")),
		of("works with SchemaCache error", fails("non_existent_table", 404, noTable("non_existent_table"),
			"Proxy-Status: PostgREST; error=PGRST205")),
		of("works with Jwt error", withToken(
			"ey9zdGdyZXN0X3Rlc3RfYXV0aG9yIiwiaWQiOiJqZG9lIn0.y4vZuu1dDdwAl0-S00MCRWRYMlJ5YAMSir6Es6WtWx0",
			noToken("PGRST301", "Expected 3 parts in JWT; got 2", ""),
			"Proxy-Status: PostgREST; error=PGRST301", "Content-Length: 89")),
	),
	in("show hint on PGRST205 table not found error",
		of("don't show hint when similarity score is less than 75%", fails("projxxxx", 404, noTable("projxxxx"),
			"Proxy-Status: PostgREST; error=PGRST205")),
	),
	in("JWT Errors",
		of("error on jwt encoded with wrong secret", withToken("{another secret}", noToken("PGRST301",
			"No suitable key or wrong key type", "None of the keys was able to decode the JWT"))),
		of("when role does not exist", withToken("{no role}",
			noToken("22023", `role "not existing" does not exist`, ""))),
	),
	in("we allow 30 seconds clock skew",
		of("it should return error if expired", withToken("{expired}", noToken("PGRST303", "JWT expired", ""))),
		of("it should return error if used before it is valid",
			withToken("{not yet valid}", noToken("PGRST303", "JWT not yet valid", ""))),
		of("it should return error if issued at future",
			withToken("{issued in the future}", noToken("PGRST303", "JWT issued at future", ""))),
	),
	in("Test JWT Token format errors",
		of("when partial token is provided", withToken(
			"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.bm90IGFuIG9iamVjdA",
			noToken("PGRST301", "Expected 3 parts in JWT; got 2", ""))),
		of("when token is complete but random characters", withToken("quifquirndsjagnrgniur.fonvoienqhhdj.iuqvnvhojah",
			noToken("PGRST301", "JWT cryptographic operation failed", ""))),
		of("when token with algorithm 'none' is used", withToken(
			"eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.",
			noToken("PGRST301", "Wrong or unsupported encoding algorithm",
				"JWT is unsecured but expected 'alg' was not 'none'"))).
			but("the token is another one: the specification shows none"),
	),
)

const (
	fromSchema2 = "Accept-Profile: " + specSchema2
	intoSchema2 = "Content-Profile: " + specSchema2
	ofSchema2   = "Content-Profile: " + specSchema2
	ofSchema    = "Content-Profile: " + specSchema
	anyExposed  = "the hint, which names the exposed schemas of the project, is not compared"
)

// definition describes a table of an id and one text.
func definition(text string) string {
	return `{"type":"object","required":["id"],"properties":{
		"id":{"description":"Note:\nThis is a Primary Key.<pk/>","format":"int32","type":"integer"},
		"` + text + `":{"format":"text","type":"string"}}}`
}

// multipleSchemaSpec is of MultipleSchemaSpec.hs.
var multipleSchemaSpec = slices.Concat(
	in("Reading tables on different schemas",
		of("succeeds in reading table from default schema v1 after explicitly passing it in the header", reads(
			"parents", `[{"id":1,"name":"parent v1-1"},{"id":2,"name":"parent v1-2"}]`, isJSON, ofSchema)),
		of("succeeds in reading table from schema v2", reads("parents",
			`[{"id":3,"name":"parent v2-3"},{"id":4,"name":"parent v2-4"}]`, isJSON, ofSchema2).with(fromSchema2)),
		of("succeeds in reading another_table from schema v2", reads("another_table",
			`[{"id":5,"another_value":"value 5"},{"id":6,"another_value":"value 6"}]`, isJSON, ofSchema2).
			with(fromSchema2)),
		of("doesn't find another_table in schema v1", fails("another_table", 404, noTable("another_table"))),
		of("fails trying to read table from unknown schema",
			fails("parents", 406, `"Invalid schema: unknown"`).with("Accept-Profile: unknown").only("message"),
			fails("parents", 406, `"PGRST106"`).with("Accept-Profile: unknown").only("code")).but(anyExposed),
	),
	in("Inserting tables on different schemas",
		of("fails when inserting on an unknown schema",
			writes("POST children", "", `{"name":"child 4","parent_id":4}`, 406, `"Invalid schema: unknown"`).
				with("Content-Profile: unknown").only("message"),
			writes("POST children", "", `{"name":"child 4","parent_id":4}`, 406, `"PGRST106"`).
				with("Content-Profile: unknown").only("code")).but(anyExposed),
	),
	in("calling procs on different schemas",
		of("succeeds in calling the v2 schema proc with POST by using Content-Profile", writes(
			"POST rpc/get_parents_below", "", `{"id":"6"}`, 200,
			`[{"id":3,"name":"parent v2-3"},{"id":4,"name":"parent v2-4"}]`, isJSON, ofSchema2).with(intoSchema2)).
			but("it selects nothing: gfxsync calls functions without a query"),
	),
	in("Modifying tables on different schemas",
		of("succeeds on deleting on the v2 schema", writes("DELETE children?id=eq.1", rep, "", 200,
			`[{"id":1,"name":"child v2-3","parent_id":3}]`, ofSchema2).with(intoSchema2)),
	),
	in("OpenAPI output",
		of("succeeds in reading table definition from default schema v1 after explicitly passing it in the header",
			reads("", definition("name"), ofSchema).only("definitions", "parents")),
		of("succeeds in reading table definition from schema v2",
			reads("", definition("name"), ofSchema2).with(fromSchema2).only("definitions", "parents")),
		of("succeeds in reading another_table definition from schema v2",
			reads("", definition("another_value"), ofSchema2).with(fromSchema2).only("definitions", "another_table")),
		of("doesn't find another_table definition in schema v1",
			reads("", "null").only("definitions", "another_table")),
		of("fails trying to read definitions from unknown schema",
			fails("", 406, `"Invalid schema: unknown"`).with("Accept-Profile: unknown").only("message"),
			fails("", 406, `"PGRST106"`).with("Accept-Profile: unknown").only("code")).but(anyExposed),
	),
)

// inBody says how a call differs that the case makes by GET as well.
const inBody = "the GET of the case is left out: gfxsync calls functions by POST"

// rpcSpec is of RpcSpec.hs, describe "remote procedure call".
var rpcSpec = slices.Concat(
	in("a proc that returns a set",
		of("returns proper json",
			writes("POST rpc/getitemrange", "", `{"min":2,"max":4}`, 200, `[{"id":3},{"id":4}]`, isJSON)).but(inBody),
	),
	in("unknown function",
		of("returns 404", writes("POST rpc/fakefunc", "", `{}`, 404, "")),
	),
	in("a proc that returns an empty rowset",
		of("returns empty json array", writes("POST rpc/test_empty_rowset", "", `{}`, 200, `[]`, isJSON)).but(inBody),
	),
	in("proc return types: returns text",
		of("returns proper json", writes("POST rpc/sayhello", "", `{"name":"world"}`, 200, `"Hello, world"`, isJSON)),
		of("can handle unicode", writes("POST rpc/sayhello", "", `{"name":"￥"}`, 200, `"Hello, ￥"`, isJSON)),
	),
	in("proc return types",
		of("returns 204, no Content-Type header and no content for void",
			writes("POST rpc/ret_void", "", `{}`, 204, noBody, noType)),
	),
	in("improper input",
		of("rejects malformed json payload", writes("POST rpc/sayhello", "", "sdfsdf", 400, invalidJSON)).
			but("the error is compared in full"),
		of("treats simple plpgsql raise as invalid input", writes("POST rpc/problem", "", `{}`, 400,
			refusal("P0001", "bad things happened", "", ""))).but("the error is compared in full"),
		of("treats plpgsql assert as internal server error", writes("POST rpc/assert", "", `{}`, 500,
			refusal("P0004", "bad things happened", "", ""))).but("the error is compared in full"),
	),
	in("a proc that receives no parameters",
		of("interprets empty string as empty json object on a post request", writes("POST rpc/noparamsproc", "", "",
			200, `"Return value of no parameters procedure."`, isJSON)),
	),
	[]specCase{
		of("returns proper output when having the same return col name as the proc name",
			writes("POST rpc/test", "", `{}`, 200, `[{"test":"hello","value":1}]`, isJSON)).but(inBody),
	},
	in("single unnamed param",
		of("will err when no function with single unnamed json parameter exists and application/json is specified",
			writes("POST rpc/unnamed_int_param", "", `{"x":1,"y":2}`, 404, refusal("PGRST202",
				"Could not find the function "+specSchema+".unnamed_int_param(x, y) in the schema cache",
				"Searched for the function "+specSchema+".unnamed_int_param with parameters x, y or with a single "+
					"unnamed json/jsonb parameter, but no matches were found in the schema cache.", ""), isJSON)).
			but("no function has a similar name, and so there is no hint"),
	),
)
