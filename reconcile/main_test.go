package reconcile

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(supabasetest.M{M: m}) }
