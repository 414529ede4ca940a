//go:build !windows

package envfile

import "strings"

// Seal returns the value as it is: elsewhere than on Windows, the rights of the file protect it.
func Seal(value string) (string, error) { return value, nil }

// Unseal returns the value that was sealed, and any other value as it is. What was sealed on Windows can be read there
// alone.
func Unseal(value string) (string, error) {
	if strings.HasPrefix(value, sealedPrefix) {
		return "", ErrSealed
	}
	return value, nil
}
