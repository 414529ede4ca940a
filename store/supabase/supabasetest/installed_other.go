//go:build !(linux || darwin || freebsd)

package supabasetest

import "context"

func startInstalled(context.Context) (*cluster, error) { return nil, errNotInstalled }
