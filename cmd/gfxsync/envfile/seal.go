package envfile

import "errors"

// sealedPrefix begins a value that Windows has sealed with its Data Protection API.
const sealedPrefix = "dpapi:"

// ErrSealed says that a value cannot be unsealed.
var ErrSealed = errors.New("it was sealed on another Windows machine and cannot be read here: give it anew with " +
	"gfxsync key set")
