package envfile

import (
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Seal returns a value that only this machine reads again, by whatever account: a service's account is another than
// that of whoever sets the key. The rights of the file keep the other accounts out.
func Seal(value string) (string, error) {
	sealed, err := transform([]byte(value), func(in, out *windows.DataBlob) error {
		const flags = windows.CRYPTPROTECT_LOCAL_MACHINE | windows.CRYPTPROTECT_UI_FORBIDDEN
		return windows.CryptProtectData(in, nil, nil, 0, nil, flags, out)
	})
	if err != nil {
		return "", fmt.Errorf("seal the key: %w", err)
	}
	return sealedPrefix + base64.StdEncoding.EncodeToString(sealed), nil
}

// Unseal returns the value that was sealed, and any other value as it is.
func Unseal(value string) (string, error) {
	encoded, sealed := strings.CutPrefix(value, sealedPrefix)
	if !sealed {
		return value, nil
	}
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err == nil && len(data) == 0 {
		err = errors.New("it is empty")
	}
	if err == nil {
		data, err = transform(data, func(in, out *windows.DataBlob) error {
			return windows.CryptUnprotectData(in, nil, nil, 0, nil, windows.CRYPTPROTECT_UI_FORBIDDEN, out)
		})
	}
	if err != nil {
		return "", fmt.Errorf("%w (%w)", ErrSealed, err)
	}
	return string(data), nil
}

// transform has Windows make other data from data.
func transform(data []byte, do func(in, out *windows.DataBlob) error) ([]byte, error) {
	in, out := windows.DataBlob{Size: uint32(len(data)), Data: unsafe.SliceData(data)}, windows.DataBlob{}
	err := do(&in, &out)
	runtime.KeepAlive(data)
	if err != nil {
		return nil, err
	}
	result := append([]byte(nil), unsafe.Slice(out.Data, out.Size)...)
	_, err = windows.LocalFree(windows.Handle(unsafe.Pointer(out.Data)))
	return result, err
}
