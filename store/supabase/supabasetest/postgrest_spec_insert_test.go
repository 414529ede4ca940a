package supabasetest_test

import "slices"

// menagerie is a row of many types, with this number.
func menagerie(number string) string {
	return `{"integer":` + number + `,"double":3.14159,"varchar":"testing!","boolean":false,"date":"1900-01-01",` +
		`"money":"$3.99","enum":"foo"}`
}

const (
	keysMatch   = `{"code":"PGRST102","message":"All object keys must match","details":null,"hint":null}`
	invalidJSON = `{"code":"PGRST102","message":"Empty or invalid json","details":null,"hint":null}`

	twoArticles = `[{"id":204,"body":"yyy"},{"id":205,"body":"zzz"}]`

	asService = "the request is not anonymous, and so is forbidden (403) rather than unauthorized (401)"
)

func noColumn(column, table string) string {
	return refusal("PGRST204", "Could not find the '"+column+"' column of '"+table+"' in the schema cache", "", "")
}

// insertSpec is of InsertSpec.hs.
var insertSpec = slices.Concat(
	in("disparate json types",
		of("accepts disparate json types",
			writes("POST menagerie", "", menagerie("13"), 201, noBody, noType, "Content-Length: 0")),
		of("filters columns in result using &select", writes("POST menagerie?select=integer,varchar", rep,
			"["+menagerie("14")+"]", 201, `[{"integer":14,"varchar":"testing!"}]`, isJSON, "Content-Length: 37",
			represented)),
		of("ignores &select when return not set or using return=minimal",
			writes("POST menagerie?select=integer,varchar", "", "["+menagerie("15")+"]", 201, noBody, noType),
			writes("POST menagerie?select=integer,varchar", "return=minimal", "["+menagerie("16")+"]", 201, noBody,
				noType, minimally)),
	),
	in("non uniform json array",
		of("rejects json array that isn't exclusivily composed of objects", writes("POST articles", "",
			`[{"id":100,"body":"xxxxx"},123,"xxxx",{"id":111,"body":"xxxx"}]`, 400, keysMatch, isJSON)),
		of("rejects json array that has objects with different keys", writes("POST articles", "",
			`[{"id":100,"body":"xxxxx"},{"id":111,"body":"xxxx","owner":"me"}]`, 400, keysMatch, isJSON)),
	),
	in("requesting full representation",
		of("can rename and cast the selected columns", writes(
			"POST projects?select=pId:id::text,pName:name,cId:client_id::text", rep,
			`{"id":7,"name":"New Project","client_id":2}`, 201, `[{"pId":"7","pName":"New Project","cId":"2"}]`,
			isJSON, noLocation, "Content-Range: */*", represented)),
		of("should not throw and return location header when selecting without PK", writes(
			"POST projects?select=name,client_id", rep, `{"id":10,"name":"New Project","client_id":2}`, 201,
			`[{"name":"New Project","client_id":2}]`, isJSON, noLocation, "Content-Range: */*", represented)),
	),
	in("requesting no representation",
		of("should not throw and return no location header when selecting without PK", writes(
			"POST projects?select=name,client_id", "", `{"id":12,"name":"New Project","client_id":2}`, 201, noBody,
			noType, noLocation, "Content-Length: 0")),
	),
	in("into a table with simple pk",
		of("fails with 400 and error", writes("POST simple_pk", "", `{"extra":"foo"}`, 400, refusal("23502",
			`null value in column "k" of relation "simple_pk" violates not-null constraint`,
			"Failing row contains (null, foo).", ""), isJSON)),
	),
	in("into a table with no pk",
		of("succeeds with 201 but no location header",
			writes("POST no_pk", "", `{"a":"foo","b":"bar"}`, 201, noBody, noType, noLocation)),
		of("returns full details of inserted record if asked", writes("POST no_pk", rep, `{"a":"bar","b":"baz"}`, 201,
			`[{"a":"bar","b":"baz"}]`, noLocation, represented)),
		of("returns empty array when no items inserted, and return=rep", writes("POST no_pk", rep, `[]`, 201, `[]`)),
		of("can post nulls", writes("POST no_pk", rep, `{"a":null,"b":"foo"}`, 201, `[{"a":null,"b":"foo"}]`,
			noLocation)),
	),
	in("with compound pk supplied",
		of("builds response location header appropriately", writes("POST compound_pk", rep,
			`{"k1":12,"k2":"Rock & R+ll"}`, 201, `[{"k1":12,"k2":"Rock & R+ll","extra":null}]`, noLocation)),
	),
	in("with bulk insert",
		of("returns 201 but no location header", writes("POST compound_pk", "",
			`[{"k1":21,"k2":"hello world"},{"k1":22,"k2":"bye for now"}]`, 201, noBody, noType, noLocation)),
	),
	in("with invalid json payload",
		of("fails with 400 and error", writes("POST simple_pk", "", "}{ x = 2", 400, invalidJSON, isJSON,
			"Content-Length: 80")),
	),
	in("with no payload",
		of("fails with 400 and error", writes("POST simple_pk", "", "", 400, invalidJSON, isJSON)),
	),
	in("with valid json payload",
		of("succeeds and returns 201 created",
			writes("POST simple_pk", "", `{"k":"k1","extra":"e1"}`, 201, noBody, noType)),
	),
	in("attempting to insert a row with the same primary key",
		of("fails returning a 409 Conflict", writes("POST simple_pk", "", `{"k":"xyyx","extra":"e1"}`, 409,
			refusal("23505", `duplicate key value violates unique constraint "simple_pk_pkey"`,
				"Key (k)=(xyyx) already exists.", ""))),
	),
	in("attempting to insert a row with conflicting unique constraint",
		of("fails returning a 409 Conflict", writes("POST withUnique", "", `{"uni":"nodup","extra":"e2"}`, 409, "")),
	),
	in("jsonb",
		of("serializes nested object", writes("POST json_table", rep, `{"data":{"foo":"bar"}}`, 201,
			`[{"data":{"foo":"bar"}}]`)),
		of("serializes nested array", writes("POST json_table", rep, `{"data":[1,2,3]}`, 201, `[{"data":[1,2,3]}]`)),
	),
	in("empty objects",
		of("successfully inserts a row with all-default columns",
			writes("POST items", "", `{}`, 201, noBody, noType), writes("POST items", "", `[{}]`, 201, noBody)),
		of("successfully inserts two rows with all-default columns",
			writes("POST items", "", `[{},{}]`, 201, noBody, noType)),
		of("successfully inserts a row with all-default columns with prefer=rep",
			writes("POST items2", rep, `{}`, 201, `[{"id":20}]`)).
			but("the fixture sets the sequence"),
		of("successfully inserts a row with all-default columns with prefer=rep and &select=",
			writes("POST items3?select=id", rep, `{}`, 201, `[{"id":20}]`)).
			but("the fixture sets the sequence"),
	),
	in("insignificant whitespace",
		of("ignores it and successfuly inserts with json payload",
			writes("POST json_table", rep, "\t \n \r { \"data\": { \"foo\":\"bar\" } }\t \n \r ", 201,
				`[{"data":{"foo":"bar"}}]`),
			writes("POST json_table", rep,
				"\t \n \r [{ \"data\": { \"foo\":\"bar\" } }, \t \n \r {\"data\": 34}]\t \n \r ", 201,
				`[{"data":{"foo":"bar"}},{"data":34}]`)),
	),
	in("bit and char columns with length",
		of("should insert to a bit column with length",
			writes("POST bitchar_with_length?select=bit", rep, `{"bit":"10101"}`, 201, `[{"bit":"10101"}]`)),
		of("should insert to a char column with length",
			writes("POST bitchar_with_length?select=char", rep, `{"char":"abcde"}`, 201, `[{"char":"abcde"}]`)),
	),
	in("POST with ?columns parameter",
		of("ignores json keys not included in ?columns",
			writes("POST articles?columns=id,body", rep,
				`{"id":200,"body":"xxx","smth":"here","other":"stuff","fake_id":13}`, 201,
				`[{"id":200,"body":"xxx","owner":"nobody"}]`),
			writes("POST articles?columns=id,body&select=id,body", rep,
				`[{"id":201,"body":"yyy","smth":"here","other":"stuff","fake_id":13},
				  {"id":202,"body":"zzz","garbage":"%%$&","kkk":"jjj"},{"id":203,"body":"aaa","hey":"ho"}]`, 201,
				`[{"id":201,"body":"yyy"},{"id":202,"body":"zzz"},{"id":203,"body":"aaa"}]`)).
			but("owner has another default than the role"),
		of("disallows blank ?columns", writes("POST articles?columns=", "", twoArticles, 400, refusal("PGRST100",
			`"failed to parse columns parameter ()" (line 1, column 1)`,
			"unexpected end of input expecting field name (* or [a..z0..9_$])", ""))),
		of("disallows ?columns which don't exist", writes("POST articles?columns=helicopter", "", twoArticles, 400,
			noColumn("helicopter", "articles"))),
		of("returns missing table error even if also has invalid ?columns", writes("POST garlic?columns=helicopter", "",
			twoArticles, 404, noTable("garlic"))),
		of("disallows array elements that are not json objects", writes("POST articles?columns=id,body", "",
			`[{"id":204,"body":"yyy"},333,"asdf",{"id":205,"body":"zzz"}]`, 400, "")),
	),
	[]specCase{
		of("inserts json that has duplicate keys",
			writes("POST tbl_w_json", rep, `{"data":{"a":1,"a":2},"id":3}`, 201, `[{"data":{"a":1,"a":2},"id":3}]`,
				"Content-Length: 31"),
			writes("POST tbl_w_json?columns=id,data", rep, `{"data":{"a":1,"a":2},"id":3}`, 201,
				`[{"data":{"a":1,"a":2},"id":3}]`, "Content-Length: 31")).
			but("the length shows that both keys are kept"),
	},
	in("with unicode values",
		of("succeeds and returns full representation", writes("POST simple_pk2?select=extra,k", rep,
			`{"k":"棋圍","extra":"￥"}`, 201, `[{"k":"棋圍","extra":"￥"}]`)),
	),
	in("table with limited privileges",
		of("succeeds inserting if correct select is applied", writes(
			"POST limited_article_stars?select=article_id,user_id", rep, `{"article_id":2,"user_id":1}`, 201,
			`[{"article_id":2,"user_id":1}]`)),
		of("fails inserting if more columns are selected", writes(
			"POST limited_article_stars?select=article_id,user_id,created_at", rep, `{"article_id":2,"user_id":2}`, 403,
			refusal("42501", "permission denied for view limited_article_stars", "", ""))).but(asService),
		of("fails inserting if select is not specified", writes("POST limited_article_stars", rep,
			`{"article_id":3,"user_id":1}`, 403,
			refusal("42501", "permission denied for view limited_article_stars", "", ""))).but(asService),
		of("can insert in a table with no select and return=minimal", writes("POST insertonly", "return=minimal",
			`{"v":"some value"}`, 201, noBody, noType, "Content-Length: 0", minimally)),
	),
	in("Inserting into VIEWs: requesting no representation",
		of("succeeds with 201", writes("POST compound_pk_view", "", `{"k1":1,"k2":"test","extra":2}`, 201, noBody,
			noType, noLocation, "Content-Length: 0")),
	),
	in("Data representations: with ?columns parameter",
		of("fails without parsing anything if at least one specified column doesn't exist", writes(
			"POST datarep_todos?columns=id,label_color,helicopters&select=id,name,label_color,due_at", rep,
			`{"due_at":"2019-01-03T11:00:00+00","smth":"here","label_color":"invalid","fake_id":13}`, 400,
			noColumn("helicopters", "datarep_todos"), isJSON)).but("the columns have no representations"),
	),
	in("Data representations: on updatable views with ?columns parameter",
		of("fails without parsing anything if at least one specified column doesn't exist", writes(
			"POST datarep_todos_computed?columns=id,label_color,helicopters&select=id,name,label_color,due_at", rep,
			`{"due_at":"2019-01-03T11:00:00+00","smth":"here","label_color":"invalid","fake_id":13}`, 400,
			noColumn("helicopters", "datarep_todos_computed"), isJSON)).but("the columns have no representations"),
	),
)
