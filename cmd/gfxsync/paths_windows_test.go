package main

import "testing"

func TestQuotationMarksInPaths(t *testing.T) {
	const mended = `in it is a quotation mark, as which Windows takes the \" in "C:\GFX\": write "C:\GFX" or "C:/GFX/", and no quotation marks after set NAME=`
	for _, c := range []struct {
		name, flag, value string
	}{
		// --watch "C:\GFX\output\" --local C:\GFX\local.db
		{"GFX_SYNC_GFX_WATCH_PATH", "watch", `C:\GFX\output" --local C:\GFX\local.db`},
		{"GFX_SYNC_GFX_WATCH_PATH", "watch", `PC01="C:\GFX\output";PC02=D:\GFX`},
		{"GFX_SYNC_QUEUE_DB_PATH", "queue-db", `"C:\GFX\pending.db"`},
		{"GFX_SYNC_LOCAL_DB", "local", `C:\GFX\local.db"`},
		{"GFX_SYNC_LOG_FILE", "log-file", `"`},
	} {
		gfxsyncStopped(t, runSettings(t).with(environment{c.name: c.value}), "run").refused(t, c.name+" is `"+c.value+"`: expected the path of a f", mended)
		// What follows the path may have become arguments.
		gfxsyncStopped(t, runSettings(t), "run", "--"+c.flag, c.value, `b\c.db`).refused(t, "--"+c.flag+" is `"+c.value+"`: expected the path of a f", mended)
	}
	gfxsyncStopped(t, runSettings(t), "run", "--local", `C:\GFX\*.db`).refused(t, `--local is "C:\GFX\*.db": expected the path of a file`+"\n")
}
