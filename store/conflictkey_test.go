package store

import "testing"

func TestTheKeyThatATableIsWrittenBy(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		setting string
		unique  []ConflictKey
		want    string // "" for none
		refusal string // the key that refuses; "" for none
		always  bool
	}{
		{"auto", []ConflictKey{BySession}, "one row per session, because the table is unique on session_id " +
			"(GFX_SYNC_ON_CONFLICT=auto)", "", false},
		{
			"auto",
			[]ConflictKey{BySession, ByHash, ByPCAndHash},
			"one row per session, because the table is unique on session_id (GFX_SYNC_ON_CONFLICT=auto)", "", false,
		},
		{
			"auto",
			[]ConflictKey{ByHash, ByPCAndHash},
			"one row per version of a file, because the table is unique on file_hash (GFX_SYNC_ON_CONFLICT=auto)",
			"", false,
		},
		{
			" AUTO ",
			[]ConflictKey{ByPCAndHash},
			"one row per version of a file and GFX PC, because the table is unique on gfx_pc_id,file_hash " +
				"(GFX_SYNC_ON_CONFLICT=auto)", "", false,
		},
		{"auto", nil, "", "", false},
		{"file_hash", nil, "one row per version of a file, as GFX_SYNC_ON_CONFLICT=file_hash says", "", false},
		{
			"file_hash",
			[]ConflictKey{BySession, ByHash},
			"one row per version of a file, as GFX_SYNC_ON_CONFLICT=file_hash says", "session_id", true,
		},
		{
			"file_hash",
			[]ConflictKey{ByHash, ByPCAndHash},
			"one row per version of a file, as GFX_SYNC_ON_CONFLICT=file_hash says", "", false,
		},
		{
			"session_id",
			[]ConflictKey{BySession, ByHash},
			"one row per session, as GFX_SYNC_ON_CONFLICT=session_id says", "", false,
		},
		{
			"gfx_pc_id, file_hash",
			[]ConflictKey{BySession, ByHash, ByPCAndHash},
			"one row per version of a file and GFX PC, as GFX_SYNC_ON_CONFLICT=gfx_pc_id,file_hash says",
			"session_id", true,
		},
		{
			"gfx_pc_id,file_hash",
			[]ConflictKey{ByHash, ByPCAndHash},
			"one row per version of a file and GFX PC, as GFX_SYNC_ON_CONFLICT=gfx_pc_id,file_hash says",
			"file_hash", false,
		},
	} {
		setting, err := ParseConflictSetting(tc.setting)
		if err != nil {
			t.Fatal(err)
		}
		choice, ok := setting.Choose(TableRules{Unique: tc.unique})
		if ok != (tc.want != "") || ok && choice.String() != tc.want {
			t.Errorf("%s of %v: %v, %t, want %q", tc.setting, tc.unique, choice, ok, tc.want)
		}
		other, what, always, refused := choice.Refusal()
		if refused != (tc.refusal != "") || refused && (other.String() != tc.refusal || always != tc.always ||
			what == "") {
			t.Errorf("%s of %v is refused by %v (%s), %t, want %q", tc.setting, tc.unique, other, what, refused,
				tc.refusal)
		}
	}
	for _, wrong := range []string{"", "id", "auto,session_id"} {
		if _, err := ParseConflictSetting(wrong); err == nil {
			t.Errorf("%q is a setting", wrong)
		}
	}
}

func TestASessionMayBeRequired(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		key      ConflictKey
		required bool
		want     bool
	}{{ByHash, false, false}, {ByHash, true, true}, {BySession, false, true}} {
		choice, _ := OnConflict(tc.key).Choose(TableRules{SessionRequired: tc.required})
		if choice.SessionRequired() != tc.want {
			t.Errorf("%v, required %t: %t", tc.key, tc.required, !tc.want)
		}
	}
}
