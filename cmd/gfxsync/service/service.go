// Package service knows the service managers of operating systems: systemd, and that of Windows. It knows nothing of
// what the service does.
package service
