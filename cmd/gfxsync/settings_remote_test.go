package main

import "testing"

func TestURLs(t *testing.T) {
	for given, want := range map[string]string{
		"https://project.supabase.co":          "https://project.supabase.co",
		"https://project.supabase.co/":         "https://project.supabase.co",
		"https://project.supabase.co/rest/v1":  "https://project.supabase.co",
		"https://project.supabase.co/rest/v1/": "https://project.supabase.co",
		"https://gfx.example:8443/supabase":    "https://gfx.example:8443/supabase",
		"http://127.0.0.1":                     "http://127.0.0.1",
		"http://127.0.0.1:54321":               "http://127.0.0.1:54321",
		"http://localhost":                     "http://localhost",
		"http://localhost:54321/":              "http://localhost:54321",
		"http://[::1]":                         "http://[::1]",
		"http://[::1]:54321":                   "http://[::1]:54321",
	} {
		s, err := configured(t, runSettings(t).with(environment{"GFX_SYNC_SUPABASE_URL": given}))
		if err != nil {
			t.Errorf("%s: %v", given, err)
			continue
		}
		if got := s.supabaseURL.String(); got != want {
			t.Errorf("%s became %s, want %s", given, got, want)
		}
	}
}

// unfitKeys are texts that are no key to work with, and what is said of them.
var unfitKeys = map[string]struct{ key, want string }{
	"anon JWT":          {fakeJWT("anon"), `its role is "anon" and must be "service_role"`},
	"authenticated JWT": {fakeJWT("authenticated"), `its role is "authenticated" and must be "service_role"`},
	"publishable":       {"sb_publishable_0123456789abcdefghijkl", "this is a publishable key"},
	"garbage":           {"hunter2hunter2hunter2", "it is neither sb_secret_… nor a JWT"},
	"half a JWT":        {fakeJWT("service_role")[:60], "it is neither sb_secret_… nor a JWT"},
	"in quotes":         {`"` + testKey + `"`, "it is neither sb_secret_… nor a JWT"},
	"in two pieces":     {"sb_secret_01234567 89abcdefghijkl", "there are spaces or unusual characters in it"},
}

func TestUnfitKeysAreRefusedAndNotShown(t *testing.T) {
	for name, c := range unfitKeys {
		for _, variable := range keyVariables {
			t.Run(name+" in "+variable, func(t *testing.T) {
				env := runSettings(t)
				delete(env, "GFX_SYNC_SUPABASE_SERVICE_KEY")
				file := writeEnvFile(t, variable+"='"+c.key+"'\n")
				for source, out := range map[string]outcome{
					"environment": gfxsyncStopped(t, env.with(environment{variable: c.key}), "run"),
					"env file":    gfxsyncStopped(t, env, "run", "--env-file", file),
				} {
					out.refused(t, variable+": ", c.want, "use the secret key (sb_secret_…) or the legacy service_role key",
						"Supabase dashboard, Project Settings, API Keys")
					out.hides(t, c.key)
					if t.Failed() {
						t.Fatalf("from the %s", source)
					}
				}
			})
		}
	}
}

func TestFitKeys(t *testing.T) {
	for key, kind := range map[string]string{
		testKey: "secret key", " " + testKey + "\r\n": "secret key", fakeJWT("service_role"): "legacy service_role key",
	} {
		s, err := configured(t, runSettings(t).with(environment{"GFX_SYNC_SUPABASE_SERVICE_KEY": key}))
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if got := s.key.Kind(); got != kind {
			t.Errorf("a %s is called a %s", kind, got)
		}
	}
}

func TestAKeyInTheWrongPlaceIsNotShown(t *testing.T) {
	for _, key := range []string{testKey, "sb_publishable_0123456789abcdefghijkl", fakeJWT("service_role"), fakeJWT("anon")} {
		for _, url := range []string{key, "https://" + key, "https://project.supabase.co/" + key, "https://project.supabase.co?apikey=" + key, key + "@project.supabase.co"} {
			for source, out := range map[string]outcome{
				"GFX_SYNC_SUPABASE_URL": gfxsyncStopped(t, runSettings(t).with(environment{"GFX_SYNC_SUPABASE_URL": url}), "run"),
				"--supabase-url":        gfxsyncStopped(t, runSettings(t), "run", "--supabase-url", url),
			} {
				out.refused(t, source+" is (not shown): expected a URL as https://")
				out.hides(t, key)
			}
		}
		for _, args := range [][]string{{"run", key}, {"run", "--supabase-key", key}, {"run", "--supabase-service-key=" + key}, {"run", "--log-level", key}, {"status", key}} {
			out := gfxsyncStopped(t, runSettings(t), args...)
			out.refused(t)
			out.hides(t, key)
		}
	}
}
