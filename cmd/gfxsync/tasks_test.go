package main

import (
	"encoding/xml"
	"os"
	"slices"
	"strings"
	"testing"
)

// triggerElements are the elements of a trigger in the order in which the Task Scheduler wants them (MS-TSCH 2.5.3: sequences). Those of
// everything else in our tasks may stand in any order.
var triggerElements = []string{
	"Enabled", "StartBoundary", "EndBoundary", "Repetition", "ExecutionTimeLimit", "UserId", "Delay", "RandomDelay", "ScheduleByDay",
}

type scheduledTask struct {
	Triggers struct {
		Of []struct {
			Elements []struct{ XMLName xml.Name } `xml:",any"`
		} `xml:",any"`
	}
	TimeLimit string                              `xml:"Settings>ExecutionTimeLimit"`
	Exec      struct{ Command, Arguments string } `xml:"Actions>Exec"`
}

// TestTasksForWindows: what stands in the files for the Task Scheduler is understood there, and by gfxsync.
func TestTasksForWindows(t *testing.T) {
	for name, want := range map[string]struct{ command, limit string }{
		"run-task.xml":    {"run", "PT0S"}, // without one, Windows ends a task after three days
		"verify-task.xml": {"verify", "PT30M"},
	} {
		text, err := os.ReadFile("windows/" + name)
		if err != nil {
			t.Fatal(err)
		}
		var task scheduledTask
		if err := xml.Unmarshal(text, &task); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(task.Triggers.Of) != 1 || task.TimeLimit != want.limit || task.Exec.Command != `C:\GFX\gfxsync.exe` {
			t.Errorf("%s: %+v", name, task)
		}
		for _, trigger := range task.Triggers.Of {
			var places []int
			for _, e := range trigger.Elements {
				places = append(places, slices.Index(triggerElements, e.XMLName.Local))
			}
			if !slices.IsSorted(places) || slices.Contains(places, -1) {
				t.Errorf("%s: the elements of the trigger are not in the order of %v: %v", name, triggerElements, trigger.Elements)
			}
		}
		understood(t, want.command, task.Exec.Arguments)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(readme)) {
		if _, run, ok := strings.Cut(line, ` /TR "`); ok {
			run, _, _ = strings.Cut(run, `"`)
			// schtasks takes the first word for the program, and no more than 261 characters.
			arguments, ok := strings.CutPrefix(run, `C:\GFX\gfxsync.exe `)
			if !ok || len(run) > 261 {
				t.Errorf("%d characters: %s", len(run), run)
			}
			understood(t, "run", arguments)
		}
	}
}

// understood checks arguments without quotation marks, which Windows parts at their spaces: gfxsync finds no fault with
// them but with a setting of ours.
func understood(t *testing.T, command, arguments string) {
	t.Helper()
	args := strings.Fields(arguments)
	if strings.Contains(arguments, `"`) || args[0] != command {
		t.Errorf("the arguments of %s are %s", command, arguments)
	}
	gfxsyncStopped(t, runSettings(t).with(environment{"GFX_SYNC_MAX_RETRIES": "x"}), args...).refused(t, "GFX_SYNC_MAX_RETRIES is ")
}
