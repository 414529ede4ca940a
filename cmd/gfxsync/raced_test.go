//go:build race

package main

// raced says that the race detector is on, under which SQLite, being Go code, takes ten times as long.
const raced = true
