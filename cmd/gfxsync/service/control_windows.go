package service

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/eventlog"
	"golang.org/x/sys/windows/svc/mgr"
)

// windowsControl is the ServiceControl of this machine.
type windowsControl struct{}

// errNotAdmin is what a person reads who lacks the rights.
var errNotAdmin = errors.New("services are for administrators to change: start the command prompt with " +
	"\"Run as administrator\"")

// withService calls f with the open service.
func withService(access uint32, f func(*mgr.Service) error) error {
	return withManager(windows.SC_MANAGER_CONNECT, func(m *mgr.Mgr) error {
		name, err := windows.UTF16PtrFromString(Name)
		if err != nil {
			return err
		}
		h, err := windows.OpenService(m.Handle, name, access)
		switch {
		case errors.Is(err, windows.ERROR_SERVICE_DOES_NOT_EXIST):
			return ErrNotInstalled
		case errors.Is(err, windows.ERROR_ACCESS_DENIED):
			return fmt.Errorf("%w (%w)", errNotAdmin, err)
		case err != nil:
			return err
		}
		s := &mgr.Service{Name: Name, Handle: h}
		defer s.Close()
		return f(s)
	})
}

func withManager(access uint32, f func(*mgr.Mgr) error) error {
	h, err := windows.OpenSCManager(nil, nil, access)
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) {
		return fmt.Errorf("%w (%w)", errNotAdmin, err)
	}
	if err != nil {
		return err
	}
	m := &mgr.Mgr{Handle: h}
	defer m.Disconnect()
	return f(m)
}

const description = "Keeps a Supabase table true to a folder of PokerGFX sessions."

// MayPut implements ServiceControl.
func (windowsControl) MayPut() error {
	return withManager(windows.SC_MANAGER_CREATE_SERVICE, func(*mgr.Mgr) error { return nil })
}

// Put implements ServiceControl.
func (windowsControl) Put(s WindowsService) error {
	err := withService(windows.SERVICE_CHANGE_CONFIG, func(service *mgr.Service) error { return change(service, s) })
	if !errors.Is(err, ErrNotInstalled) {
		return err
	}
	return withManager(windows.SC_MANAGER_CREATE_SERVICE, func(m *mgr.Mgr) error {
		service, err := m.CreateService(Name, s.Command[0], mgr.Config{
			StartType: mgr.StartAutomatic, ErrorControl: mgr.ErrorNormal, DisplayName: Name, Description: description,
			ServiceStartName: s.Account, Password: s.Password,
		}, s.Command[1:]...)
		if err != nil {
			return err
		}
		return service.Close()
	})
}

// change has the service be as it would be if it was made anew.
func change(service *mgr.Service, s WindowsService) error {
	line, err := windows.UTF16PtrFromString(commandLine(s.Command))
	if err != nil {
		return err
	}
	account, err := windows.UTF16PtrFromString(s.Account)
	if err != nil {
		return err
	}
	var password *uint16 // nil for accounts that have none
	if s.Password != "" {
		if password, err = windows.UTF16PtrFromString(s.Password); err != nil {
			return err
		}
	}
	return windows.ChangeServiceConfig(service.Handle, windows.SERVICE_NO_CHANGE, mgr.StartAutomatic, mgr.ErrorNormal,
		line, nil, nil, nil, account, password, nil)
}

// changeService changes one thing about the service.
func changeService(f func(*mgr.Service) error) error {
	// Who sets recovery actions needs the right to start the service.
	return withService(windows.SERVICE_CHANGE_CONFIG|windows.SERVICE_START, f)
}

// DelayStart implements ServiceControl.
func (windowsControl) DelayStart() error {
	return changeService(func(s *mgr.Service) error {
		delayed := windows.SERVICE_DELAYED_AUTO_START_INFO{IsDelayedAutoStartUp: 1}
		return windows.ChangeServiceConfig2(s.Handle, windows.SERVICE_CONFIG_DELAYED_AUTO_START_INFO,
			(*byte)(unsafe.Pointer(&delayed)))
	})
}

// Recover implements ServiceControl.
func (windowsControl) Recover(pauses []time.Duration, reset time.Duration) error {
	var actions []mgr.RecoveryAction
	for _, pause := range pauses {
		actions = append(actions, mgr.RecoveryAction{Type: mgr.ServiceRestart, Delay: pause})
	}
	return changeService(func(s *mgr.Service) error { return s.SetRecoveryActions(actions, uint32(reset.Seconds())) })
}

// RecoverFromExitCodes implements ServiceControl.
func (windowsControl) RecoverFromExitCodes() error {
	return changeService(func(s *mgr.Service) error { return s.SetRecoveryActionsOnNonCrashFailures(true) })
}

// LetStop implements ServiceControl.
func (windowsControl) LetStop(limit time.Duration) error {
	return changeService(func(s *mgr.Service) error {
		milliseconds := uint32(limit.Milliseconds()) // SERVICE_PRESHUTDOWN_INFO
		return windows.ChangeServiceConfig2(s.Handle, windows.SERVICE_CONFIG_PRESHUTDOWN_INFO,
			(*byte)(unsafe.Pointer(&milliseconds)))
	})
}

// AddEventSource implements ServiceControl.
func (windowsControl) AddEventSource() error {
	_ = eventlog.Remove(Name) // or one of an earlier installation is an error
	return eventlog.InstallAsEventCreate(Name, eventlog.Info|eventlog.Warning|eventlog.Error)
}

// RemoveEventSource implements ServiceControl.
func (windowsControl) RemoveEventSource() error {
	err := eventlog.Remove(Name)
	if errors.Is(err, registry.ErrNotExist) {
		return nil
	}
	return err
}

// parametersKey is where Windows keeps what a service wants to be kept. It goes with the service.
const parametersKey = `SYSTEM\CurrentControlSet\Services\` + Name + `\Parameters`

// Keep implements ServiceControl.
func (windowsControl) Keep(files []string) error {
	key, _, err := registry.CreateKey(registry.LOCAL_MACHINE, parametersKey, registry.SET_VALUE)
	if err != nil {
		return err
	}
	return errors.Join(key.SetStringsValue("Files", files), key.Close())
}

// Kept implements ServiceControl.
func (windowsControl) Kept() ([]string, error) {
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, parametersKey, registry.QUERY_VALUE)
	if err != nil {
		return nil, err
	}
	files, _, err := key.GetStringsValue("Files")
	return files, errors.Join(err, key.Close())
}

// Start implements ServiceControl.
func (windowsControl) Start(context.Context) error {
	return withService(windows.SERVICE_START, func(s *mgr.Service) error { return s.Start() })
}

// Stop implements ServiceControl.
func (windowsControl) Stop(ctx context.Context) error {
	return withService(windows.SERVICE_STOP|windows.SERVICE_QUERY_STATUS, func(s *mgr.Service) error {
		_, err := s.Control(svc.Stop)
		if err != nil && !errors.Is(err, windows.ERROR_SERVICE_NOT_ACTIVE) &&
			!errors.Is(err, windows.ERROR_SERVICE_CANNOT_ACCEPT_CTRL) {
			return err
		}
		return awaitStopped(ctx, s)
	})
}

func awaitStopped(ctx context.Context, s *mgr.Service) error {
	ctx, cancel := context.WithTimeout(ctx, 2*stopLimit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		status, err := s.Query()
		if err != nil || status.State == svc.Stopped {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the service does not stop: %w", ctx.Err())
		}
	}
}

// Delete implements ServiceControl.
func (windowsControl) Delete() error {
	_ = registry.DeleteKey(registry.LOCAL_MACHINE, parametersKey) // it goes with the service, but not under Wine
	return withService(windows.DELETE, func(s *mgr.Service) error { return s.Delete() })
}

var stateNames = map[svc.State]string{
	svc.Stopped: "stopped", svc.StartPending: "starting", svc.StopPending: "stopping", svc.Running: "running",
}

// Status implements ServiceControl.
func (windowsControl) Status() (w WindowsService, state string, running bool, err error) {
	err = withService(windows.SERVICE_QUERY_STATUS|windows.SERVICE_QUERY_CONFIG, func(s *mgr.Service) error {
		status, err := s.Query()
		if err != nil {
			return err
		}
		state, running = stateNames[status.State], status.State != svc.Stopped
		if code := status.Win32ExitCode; !running && code != 0 && code != uint32(windows.ERROR_SERVICE_NEVER_STARTED) {
			state = fmt.Sprintf("stopped, exit code %d", max(code, status.ServiceSpecificExitCode))
			if code != uint32(windows.ERROR_SERVICE_SPECIFIC_ERROR) {
				state = fmt.Sprintf("stopped: %v", windows.Errno(code))
			}
		}
		w, err = configured(s)
		return err
	})
	return w, state, running, err
}

// configured returns the service as it was put. It asks for less than mgr.Service.Config, some of which Wine lacks.
func configured(s *mgr.Service) (w WindowsService, err error) {
	buffer := make([]byte, 8<<10) // the most that Windows takes
	needed := uint32(0)
	config := (*windows.QUERY_SERVICE_CONFIG)(unsafe.Pointer(&buffer[0]))
	if err := windows.QueryServiceConfig(s.Handle, config, uint32(len(buffer)), &needed); err != nil {
		return w, err
	}
	w.Account = windows.UTF16PtrToString(config.ServiceStartName)
	w.Command, err = windows.DecomposeCommandLine(windows.UTF16PtrToString(config.BinaryPathName))
	return w, err
}
