// Package service knows the service managers of operating systems: systemd, and that of Windows. It knows nothing of
// what the service does.
package service

// KeyCredential is the name of the credential in which systemd hands the key to the service.
const KeyCredential = "gfxsync.key"
