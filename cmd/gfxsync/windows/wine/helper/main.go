//go:build windows

// Command helper does what only a Windows program can, for the end-to-end tests under Wine.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc/mgr"
)

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "helper:", err)
		os.Exit(99)
	}
}

func run(command string, args []string) error {
	switch command {
	case "hold":
		return hold(args[0], args[1])
	case "close":
		return control(windows.CTRL_CLOSE_EVENT, args)
	case "logoff":
		return logOff(args[0])
	}
	return fmt.Errorf("no command %s", command)
}

// hold makes a file that nobody else can open, says so, and writes it when its own standard input ends.
func hold(name, contentOf string) error {
	content, err := os.ReadFile(contentOf)
	if err != nil {
		return err
	}
	path, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return err
	}
	h, err := windows.CreateFile(path, windows.GENERIC_WRITE, 0, nil, windows.CREATE_ALWAYS, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(h), name)
	defer f.Close()
	fmt.Println("held")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	_, err = f.Write(content)
	return err
}

// control runs a program, lets the system's own routine for control events in it take one when standard input ends, as the system
// does when a console is closed, and returns the program's exit code. No call makes that event, and Wine 8 has none for a pseudo
// console that is closed.
func control(event uintptr, args []string) error {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	if err := controlEvent(uint32(cmd.Process.Pid), event); err != nil {
		return err
	}
	err := cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		os.Exit(exit.ExitCode())
	}
	return err
}

// logOff lets a service take the event of a log-off.
func logOff(service string) error {
	m, err := mgr.Connect()
	if err != nil {
		return err
	}
	defer m.Disconnect()
	s, err := m.OpenService(service)
	if err != nil {
		return err
	}
	defer s.Close()
	status, err := s.Query()
	if err != nil {
		return err
	}
	return controlEvent(status.ProcessId, windows.CTRL_LOGOFF_EVENT)
}

// controlEvent lets the routine for control events in a process take one.
func controlEvent(pid uint32, event uintptr) error {
	routine := windows.NewLazySystemDLL("kernelbase.dll").NewProc("CtrlRoutine")
	if err := routine.Find(); err != nil {
		return err
	}
	const access = windows.PROCESS_CREATE_THREAD | windows.PROCESS_QUERY_INFORMATION | windows.PROCESS_VM_OPERATION |
		windows.PROCESS_VM_WRITE | windows.PROCESS_VM_READ
	process, err := windows.OpenProcess(access, false, pid)
	if err != nil {
		return err
	}
	createThread := windows.NewLazySystemDLL("kernel32.dll").NewProc("CreateRemoteThread")
	if thread, _, err := createThread.Call(uintptr(process), 0, 0, routine.Addr(), event, 0, 0); thread == 0 {
		return fmt.Errorf("start the control routine: %w", err)
	}
	return nil
}
